"""What a model is worth: quality, speed and memory, measured in the engine that will serve."""
