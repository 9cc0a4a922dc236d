"""Designing a ladder of training runs: shapes, amounts of data, epochs, and what each cell will cost."""
