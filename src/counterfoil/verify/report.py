"""What a verification found: its checks in order, each with a sentence, and the first thing that does not follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a publication. `name` is stable, for programs; `sentence` says what was found."""

    name: str
    ok: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """`key_given`: the reader brought the verifier key; otherwise it was taken from the folder itself."""

    origin: str
    size: int
    root: str
    key_given: bool
    checks: tuple[Check, ...]
    not_checked: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def first_failure(self) -> Check | None:
        return next((check for check in self.checks if not check.ok), None)
