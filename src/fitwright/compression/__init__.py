"""Smaller models: layers dropped and distilled, weights quantised, until a budget holds."""
