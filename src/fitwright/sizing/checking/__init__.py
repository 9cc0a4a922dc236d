"""Judging a table of model figures that somebody published: read it, name its models, compare each cell."""
