"""Flip sets: the smallest number of stations whose removal reverses a statement.

Every statement here compares a sum over stations with a figure, so the smallest set is found by taking the stations
that contribute most, one after the other; no other set of that size takes away more.
"""

from __future__ import annotations

import polars as pl


def flip_set(contributions: pl.Series, margin: int) -> list[int] | None:
    """Positions of the smallest set of stations that together contribute at least `margin`.

    Args:
        contributions: what each station adds to the statement, in votes; nulls and values of 0 or less never help.
        margin: by how much the statement "greater than" holds, above 0: taking away exactly this much reverses it.

    Returns:
        Positions in `contributions`, largest first, ties by position; None if even all of them do not reverse it.
    """
    frame = (
        pl.DataFrame({"at": pl.int_range(contributions.len(), eager=True), "by": contributions})
        .filter(pl.col("by") > 0)
        .sort("by", descending=True, maintain_order=True)
        .with_columns(pl.col("by").cum_sum().alias("sum"))
    )
    enough = frame.with_row_index("n").filter(pl.col("sum") >= margin)
    if not enough.height:
        return None
    return frame["at"].head(enough["n"][0] + 1).to_list()
