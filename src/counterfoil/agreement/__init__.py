"""From readings and decisions to counts: what the copies of a station say, and whether they agree."""

from counterfoil.agreement.counts import counts

__all__ = ["counts"]
