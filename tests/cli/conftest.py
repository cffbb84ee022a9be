"""Running a command as the shell would, without a process: what it said on both channels, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from counterfoil.cli.app import counterfoil


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run() -> Run:
    def call(*arguments: object, stdin: str | None = None) -> Ran:
        result = CliRunner().invoke(counterfoil, [str(a) for a in arguments], input=stdin, prog_name="counterfoil")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call
