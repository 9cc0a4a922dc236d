"""One module for each kind of training data: its rows, how they are read, and what is checked."""
