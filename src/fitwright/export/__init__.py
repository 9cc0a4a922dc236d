"""Engine files from model directories: an ONNX graph that is checked against torch, and the bundle around it."""
