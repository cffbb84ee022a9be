"""From counts to what follows by addition: totals with coverage, bounds, comparison, findings, estimates."""
