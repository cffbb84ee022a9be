"""How every command speaks: results on standard output, progress and errors on standard error, one exit code each.

| code | means |
| --- | --- |
| 0 | done; for `verify`: everything follows from the record |
| 1 | the record, a key or a publication does not hold what it must |
| 2 | bad input: a file, option or address that can't be used or read |
| 3 | refused: the input is fine, but the question may not be answered from it, or somebody said no |
| 70 | a fault in Counterfoil itself; the traceback is for a report |
| 130 | somebody stopped it (Ctrl-C); what was there before is there still |

With `--json` standard output holds one JSON object and nothing else; of an error `{"error": {"code", "message"}}`.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from counterfoil.primitives.errors import CounterfoilError, InputError, RecordError, Refusal

DOES_NOT_HOLD = 1
BAD_INPUT = 2
REFUSED = 3
FAULT = 70
STOPPED = 130

_REDRAW_S = 0.1


class Output:
    """Where a command writes. `terminal`: whether somebody watches standard error."""

    def __init__(self, *, as_json: bool, terminal: bool | None = None) -> None:
        self.as_json = as_json
        self.terminal = sys.stderr.isatty() if terminal is None else terminal
        self._drawn_at = 0.0
        self._drawn = False

    def progress(self, what: str, done: int = 0, of: int = 0) -> None:
        """One line that is drawn over itself, at most ten times a second; nothing where nobody watches."""
        now = time.monotonic()
        if not self.terminal or (done not in (0, of) and now - self._drawn_at < _REDRAW_S):
            return
        self._drawn_at, self._drawn = now, True
        bar = f" [{'#' * (20 * done // of):<20}] {done} of {of}" if of else " ..."
        click.echo(f"\r\x1b[K{what}{bar}", err=True, nl=False)

    def clear(self) -> None:
        """Take the progress line away before something else is written."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = False

    def note(self, text: str) -> None:
        """Something a person should know, on standard error."""
        self.clear()
        click.echo(text, err=True)

    def line(self, text: str) -> None:
        """A line beside the result: on standard output, but with `--json` on standard error."""
        self.clear()
        click.echo(text, err=self.as_json)

    def result(self, data: dict[str, Any], lines: Sequence[str]) -> None:
        """The command's result: `data` with `--json`, else `lines`."""
        self.clear()
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False, indent=1))
        else:
            for line in lines:
                click.echo(line)


def with_output(function: Callable[..., int | None]) -> Callable[..., None]:
    """Adds `--json`, passes an `Output` as `say`, and turns errors into one sentence and an exit code."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else.")
    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, **kwargs: Any) -> None:
        say = Output(as_json=as_json)
        try:
            code = function(*args, say=say, **kwargs) or 0
        except CounterfoilError as error:
            code = _failed(say, error.code, str(error), _exit_code(error))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            code = _failed(say, "system", f"{where}{error.strerror or error}.", BAD_INPUT)
        except KeyboardInterrupt:
            say.note("counterfoil: stopped")
            code = STOPPED
        sys.exit(code)

    return wrapped


def _exit_code(error: CounterfoilError) -> int:
    match error:
        case InputError():
            return BAD_INPUT
        case RecordError():
            return DOES_NOT_HOLD
        case Refusal():
            return REFUSED
        case _:  # a server that can't be reached, and what else has no family
            return BAD_INPUT


def _failed(say: Output, code: str, message: str, exit_code: int) -> int:
    say.note(f"counterfoil: {message}")
    if say.as_json:
        click.echo(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False, indent=1))
    return exit_code
