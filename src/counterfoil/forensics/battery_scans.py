"""The battery's scans that need columns, time or hand counts beyond those of a usual table.

Each gives a result or a refusal that names what it lacks, so that a reader sees what was not looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from counterfoil.forensics.arrays import Ints
from counterfoil.forensics.batch_audit import METHOD as BATCHES
from counterfoil.forensics.commissions import KIREEV, MACHINES, kireev, machine_counted
from counterfoil.forensics.fingerprint import DIFFERENCE, fingerprint, fingerprint_difference
from counterfoil.forensics.flows import METHOD as FLOWS
from counterfoil.forensics.flows import flows
from counterfoil.forensics.late_count import METHOD as LATE
from counterfoil.forensics.late_count import late_count_shift
from counterfoil.forensics.mixture import METHOD as MIXTURE
from counterfoil.forensics.mixture import mixture
from counterfoil.forensics.results import Result
from counterfoil.forensics.stations import Stations
from counterfoil.forensics.swapped import METHOD as SWAPPED
from counterfoil.forensics.swapped import columns_swapped
from counterfoil.primitives.errors import InputError, Refusal

__all__ = ("BATCHES", "FLOWS", "KIREEV", "LATE", "MACHINES", "MIXTURE", "SWAPPED")


def _known(column: Ints | None, name: str) -> Ints:
    if column is None:
        raise InputError(name, expected="a column", found="none")
    return column


def swapped(table: Stations) -> Result:
    """The leader's and the runner-up's columns, against an earlier round where it is known, else the rest of the area.

    Raises:
        Refusal: neither an earlier round nor areas.
    """
    second = table.runner_up or ""
    before = table.previous or {}
    if table.leader_name in before and second in before:
        return columns_swapped(
            table.leader,
            table.others[second],
            previous_first=before[table.leader_name],
            previous_second=before[second],
        )
    if table.area is None or len(table.area_names) < 2:
        raise Refusal(
            f"{SWAPPED.name}: expected areas or the same options in an earlier round, found neither.", code="no-column"
        )
    return columns_swapped(table.leader, table.others[second], areas=table.area)


def sparse_zeros(table: Stations) -> Result:
    """Kireev's scan of every option in every commission."""
    names = np.array(table.commission_names)[_known(table.commission, "commission")]
    return kireev({table.leader_name: table.leader, **table.others}, names)


def machines(table: Stations) -> Result:
    """Machine-counted beside hand-counted stations of the same commissions."""
    names = np.array(table.commission_names)[_known(table.commission, "commission")]
    return machine_counted(
        _known(table.registered, "registered"), table.leader, _known(table.machine, "machine"), names
    )


def late(table: Stations) -> Result:
    """Late beside early stations, within areas, with the earlier election as placebo where it is known."""
    before = (table.previous or {}).get(table.leader_name)
    both = before is not None and table.previous_cast is not None
    return late_count_shift(
        _known(table.cast, "cast"),
        table.leader,
        _known(table.late, "late"),
        areas=table.area if table.area is not None and len(table.area_names) > 1 else None,
        previous_cast=table.previous_cast if both else None,
        previous_leader=before if both else None,
    )


FINGERPRINTS_NEED = ("registered", "cast", "leader", "previous", "previous_registered", "previous_cast")


def fingerprints_between(table: Stations) -> Result:
    """How far the fingerprint moved since the earlier election, turnout by ballots cast in both.

    Raises:
        Refusal: the option tested did not stand then under the same name.
    """
    before = (table.previous or {}).get(table.leader_name)
    if before is None:
        raise Refusal(
            f"{DIFFERENCE.name}: expected {table.leader_name} in the earlier election, found "
            f"{', '.join(table.previous or {}) or 'none'}.",
            code="no-column",
        )
    cast, cast_before = _known(table.cast, "cast"), _known(table.previous_cast, "previous_cast")
    return fingerprint_difference(
        fingerprint(_known(table.previous_registered, "previous_registered"), cast_before, cast_before, before),
        fingerprint(_known(table.registered, "registered"), cast, cast, table.leader),
    )


def flows_between(table: Stations) -> Result:
    """From the options of the earlier election to those of this one, over commissions, else areas, else stations."""
    code = table.commission if table.commission is not None else table.area

    def summed(column: Ints) -> Ints:
        return column if code is None else np.bincount(code, column).astype(np.int64)

    first = {name: summed(column) for name, column in (table.previous or {}).items()}
    second = {name: summed(column) for name, column in {table.leader_name: table.leader, **table.others}.items()}
    return flows(first, second)


def mixture_not_asked(_table: Stations) -> Result:
    """The mixture's place in a battery that was not asked for it.

    Raises:
        Refusal: always.
    """
    raise Refusal(
        f"{MIXTURE.name}: expected to be asked for by a number of stations, since it takes minutes; found no number.",
        code="not-asked",
    )


def mixture_of(size: int, seed: int) -> Callable[[Stations], Result]:
    """The mixture (model qbl) on a random sample of so many stations.

    It gives no answer where its chains do not agree.
    """

    def run(table: Stations) -> Result:
        chosen = table
        if table.size > size:
            keep = np.zeros(table.size, dtype=np.bool_)
            keep[np.random.default_rng(seed).permutation(table.size)[:size]] = True
            chosen = table.where(keep)
        found = mixture(_known(chosen.registered, "registered"), _known(chosen.cast, "cast"), chosen.leader, seed=seed)
        if not found.converged:
            raise Refusal(f"{MIXTURE.name}: {found.measured()}", code="not-converged")
        return found

    return run


def not_recounted(_table: Stations) -> Result:
    """The batch comparison's place: no table of results holds hand counts.

    Raises:
        Refusal: always.
    """
    raise Refusal(
        f"{BATCHES.name}: expected hand counts of batches drawn at random (`draw`, then `macro`), found results only.",
        code="no-recount",
    )
