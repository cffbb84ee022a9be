"""From counts to what follows by addition: totals with coverage, bounds, comparison, findings, estimates."""

from counterfoil.tally.compute import compute

__all__ = ["compute"]
