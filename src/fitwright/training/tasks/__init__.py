"""The kinds of training, a file each: what the data is, which model, what loss, what counts as better."""
