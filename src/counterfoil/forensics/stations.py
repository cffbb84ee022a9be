"""The columns of one election at hand: what the battery runs on.

* Columns are whole numbers, one figure per station; which of them are known decides which tests can run.
* `given` (ballots handed out) falls back to `cast`: turnout is then by ballots in the boxes, and results say so.
* The option tested is called the leader here, as in the papers, whatever its place in the count.
* Commissions, machine-counted stations, late stations and an earlier election are seldom known; the scans that need
  them say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from counterfoil.forensics.arrays import Bools, Column, Ints, Series, columns, labels
from counterfoil.primitives.errors import InputError

NEEDED = ("registered", "given", "cast", "leader")


@dataclass(frozen=True)
class Stations:
    """Columns of one election, all of one length; make one with `stations`.

    `area`: per station the index into `area_names`; None where areas are unknown. `others`: further options by name.
    `commission`: the same for the commission above each station. `machine`, `late`: 1 where a machine counted, where
    the station reported late; 0 elsewhere. `previous`: the options' votes in an earlier election or round at the same
    stations, `previous_registered` and `previous_cast` its voters and ballots.
    """

    leader: Ints
    cast: Ints | None
    registered: Ints | None
    given: Ints | None
    others: Mapping[str, Ints]
    leader_name: str
    area: Ints | None
    area_names: tuple[str, ...]
    given_is_cast: bool
    commission: Ints | None = None
    commission_names: tuple[str, ...] = ()
    machine: Ints | None = None
    late: Ints | None = None
    previous: Mapping[str, Ints] | None = None
    previous_registered: Ints | None = None
    previous_cast: Ints | None = None

    @property
    def size(self) -> int:
        return int(self.leader.size)

    @cached_property
    def runner_up(self) -> str | None:
        """The other option with most votes; the first of them by name where several have as many."""
        return max(sorted(self.others), key=lambda name: int(self.others[name].sum()), default=None)

    def lacks(self, needed: Sequence[str]) -> tuple[str, ...]:
        """Which of the needed columns are not there."""
        return tuple(name for name in needed if getattr(self, name) is None)

    def four(self) -> tuple[Ints, Ints, Ints, Ints]:
        """registered, given, cast, leader.

        Raises:
            InputError: one of them is unknown.
        """
        if self.registered is None or self.given is None or self.cast is None:
            raise InputError("columns", expected=", ".join(NEEDED), found=f"no {', '.join(self.lacks(NEEDED))}")
        return self.registered, self.given, self.cast, self.leader

    def where(self, keep: Bools) -> Stations:
        """The same election at some of its stations; areas keep their numbers."""

        def cut(column: Ints | None) -> Ints | None:
            return None if column is None else column[keep]

        return replace(
            self,
            leader=self.leader[keep],
            cast=cut(self.cast),
            registered=cut(self.registered),
            given=cut(self.given),
            others={name: column[keep] for name, column in self.others.items()},
            area=cut(self.area),
            commission=cut(self.commission),
            machine=cut(self.machine),
            late=cut(self.late),
            previous=None if self.previous is None else {name: c[keep] for name, c in self.previous.items()},
            previous_registered=cut(self.previous_registered),
            previous_cast=cut(self.previous_cast),
        )

    def in_area(self, index: int) -> Stations:
        """The stations of one area, without areas of their own."""
        if self.area is None:
            raise InputError("area", expected="a column of areas", found="none")
        return replace(self.where(self.area == index), area=None, area_names=())

    def with_area_names(self, names: Mapping[str, str | None]) -> Stations:
        """The same with areas called by name; areas without one, and several of one name, keep what they are called."""
        called = [names.get(area) or area for area in self.area_names]
        shown = [name if called.count(name) == 1 else area for name, area in zip(called, self.area_names, strict=True)]
        return replace(self, area_names=tuple(shown))

    def tested_on(self, option: str) -> Stations:
        """The same election with another option in the place of the leader."""
        others = {name: column for name, column in self.others.items() if name != option}
        return replace(
            self,
            leader=self.others[option],
            others={self.leader_name: self.leader, **others},
            leader_name=option,
        )

    def lost(self) -> Stations | None:
        """The stations where the runner-up has more votes than the option tested; None where no other is known."""
        return None if self.runner_up is None else self.where(self.others[self.runner_up] > self.leader)


def stations(
    *,
    leader: Column,
    cast: Column | None = None,
    registered: Column | None = None,
    given: Column | None = None,
    others: Mapping[str, Column] | None = None,
    leader_name: str = "leader",
    areas: Sequence[object] | NDArray[np.generic] | Series | None = None,
    commissions: Sequence[object] | NDArray[np.generic] | Series | None = None,
    machine: Column | None = None,
    late: Column | None = None,
    previous: Mapping[str, Column] | None = None,
    previous_registered: Column | None = None,
    previous_cast: Column | None = None,
) -> Stations:
    """Checks the columns and puts them together.

    Raises:
        InputError: a column is no column of counts, lengths differ, an option is named twice, `machine` or `late` holds
            other figures than 0 and 1.
    """
    named = {"leader": leader, "cast": cast, "registered": registered, "given": given}
    named |= {"machine": machine, "late": late}
    named |= {"previous_registered": previous_registered, "previous_cast": previous_cast}
    before = dict(previous or {})
    options = dict(others or {})
    if leader_name in options:
        raise InputError("others", expected="options besides the one tested", found=f"{leader_name} again")
    known = {name: column for name, column in named.items() if column is not None}
    checked = columns(
        **known,
        **{f"option {name}": column for name, column in options.items()},
        **{f"previous {name}": column for name, column in before.items()},
    )
    for name in ("machine", "late"):
        if name in checked and checked[name].max(initial=0) > 1:
            raise InputError(name, expected="0 or 1", found=str(checked[name].max()))
    area, area_names = _named("area", areas, checked["leader"].size)
    commission, commission_names = _named("commission", commissions, checked["leader"].size)
    return Stations(
        leader=checked["leader"],
        cast=checked.get("cast"),
        registered=checked.get("registered"),
        given=checked.get("given", checked.get("cast")),
        others={name: checked[f"option {name}"] for name in options},
        leader_name=leader_name,
        area=area,
        area_names=area_names,
        given_is_cast=given is None,
        commission=commission,
        commission_names=commission_names,
        machine=checked.get("machine"),
        late=checked.get("late"),
        previous={name: checked[f"previous {name}"] for name in before} or None,
        previous_registered=checked.get("previous_registered"),
        previous_cast=checked.get("previous_cast"),
    )


def _named(
    name: str, given: Sequence[object] | NDArray[np.generic] | Series | None, size: int
) -> tuple[Ints | None, tuple[str, ...]]:
    """Each station's place among the sorted names, and the names."""
    if given is None:
        return None, ()
    texts = np.asarray([str(x) for x in (given if isinstance(given, list | tuple) else _values(given))])
    return labels(name, texts, size), tuple(str(x) for x in np.unique(texts))


def _values(areas: Sequence[object] | NDArray[np.generic] | Series) -> Sequence[object]:
    found = areas if isinstance(areas, np.ndarray) else areas.to_numpy()  # type: ignore[union-attr]
    return list(found.tolist())
