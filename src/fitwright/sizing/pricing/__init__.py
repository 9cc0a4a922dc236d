"""Seconds of a step from a measured device profile. Standard library only.

features: the quantities that an operator's time grows with; surface: measured cells, fitted and interpolated;
classes: which surface prices which operator; profile: the measured machine as data; price: the sum over a
step's operators; onnx_graph: what ONNX Runtime runs for a traced torch operator.
"""
