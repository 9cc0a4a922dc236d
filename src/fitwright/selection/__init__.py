"""Which models are worth trying under a budget, and why the others are not."""
