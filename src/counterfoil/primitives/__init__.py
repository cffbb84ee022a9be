"""What everything else is written in: ids, canonical bytes, field states, shares, errors."""
