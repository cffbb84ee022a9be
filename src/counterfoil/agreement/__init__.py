"""From readings and decisions to counts: what the copies of a station say, and whether they agree."""
