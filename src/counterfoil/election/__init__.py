"""The election: what is voted on, where, on which form; and bringing its tables in."""
