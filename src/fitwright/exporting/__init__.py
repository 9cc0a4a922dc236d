"""Engine files from model directories: an ONNX graph checked against torch, and the bundle around it."""
