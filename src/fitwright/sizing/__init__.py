"""What a model needs before anything is loaded: parameters, FLOPs, memory, latency, size. No torch.

parameters → flops ─┐
memory ─────────────┼─► interface.estimate(spec, workload, device) → Record
devices ─► latency ─┘        corrections: one measured point moves and narrows the predictions
"""
