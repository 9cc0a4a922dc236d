"""Run a model's files: one interface over torch and ONNX Runtime, and a text classifier on top of it."""
