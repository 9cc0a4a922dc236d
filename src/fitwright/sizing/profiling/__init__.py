"""Measuring this machine for a minute or two. Torch and ONNX Runtime are imported when a measurement starts.

timing: robust times of many cells in turns within a time limit; cells: what one cell is; torch_inference,
torch_training, onnx_runtime: the cells of each engine; python_cost: what modules and steps cost beside
operators; page_faults: memory mapped anew; cuda: what a GPU adds; measure: all of it into a profile;
validation: estimates held against real models.
"""
