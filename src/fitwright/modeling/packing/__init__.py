"""Padding-free forward passes: rows laid end to end in one sequence, attention computed row by row."""
