"""``fit``: every stage in order, in a workspace that remembers what is done."""
