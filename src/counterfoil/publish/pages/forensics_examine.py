"""The forensic tests that the pages show of a contest, run once for all languages."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from counterfoil.forensics.battery import Battery, battery
from counterfoil.forensics.comb import Combs, combs
from counterfoil.forensics.stations import NEEDED, Stations
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.publish.forensic_columns import ForensicColumns, forensic_columns
from counterfoil.tally.results import ContestTally


@dataclass(frozen=True)
class Examined:
    """One contest: its columns, every test on them, and the combs where they can be drawn."""

    columns: ForensicColumns
    battery: Battery
    combs: Combs | None


def examine(tally: ContestTally, areas: pl.DataFrame) -> Examined:
    """Runs everything that the page shows of one contest."""
    columns = forensic_columns(tally, areas)
    return Examined(columns, battery(columns.table), combs_of(columns.table))


def combs_of(table: Stations) -> Combs | None:
    """The combs, or None where there are too few stations for them."""
    try:
        return None if table.lacks(NEEDED) else combs(table)
    except (Refusal, InputError):
        return None
