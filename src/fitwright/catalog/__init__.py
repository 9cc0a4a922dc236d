"""Facts about published models, with their sources, and model directories read the same way. No torch."""
