"""Traces one step of a Transformers model on tensors without memory. Needs torch and transformers.

model: the class of a config, without weights; inputs: a batch for it; device: what the target device does
otherwise than the meta device; recorder: operators, and tensors that come and go; classify: operator
families; join: two points → sizes as polynomials; lora: adapters; interface: config and conditions → Trace.
"""
