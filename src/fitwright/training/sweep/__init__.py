"""A parameter benchmark: many short runs over a space of settings, and what each change bought."""
