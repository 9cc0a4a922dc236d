"""How loss falls with size and data: laws fitted to a ladder of runs, and what they may be asked."""
