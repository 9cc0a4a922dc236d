"""Labelled text from files: reading, columns, leak-free splits, profile, tokens, batches. No torch."""
