"""Counterfoil: citizens keep their own count of an election.

The folders, lowest first, tell the story of a count: `election` (what is voted on), `record` (what is claimed),
`agreement` (what the copies say), `tally` (what follows by addition), `publish` (what is shown), `verify` (what a
stranger can check). `workflow` joins them; its functions are the Python interface.
"""

__version__ = "0.1.0"
