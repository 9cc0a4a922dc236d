"""One thin loop for every objective: settings, precision, batches, checkpoints, curves, model card."""
