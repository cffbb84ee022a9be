"""`counterfoil check` and `counterfoil organiser`: is this server safe to open, and who may begin."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import FOLDER
from counterfoil.cli.output import DOES_NOT_HOLD, Output, with_output


@click.command()
@click.argument("folder", type=FOLDER)
@with_output
def check(folder: Path, say: Output) -> int:
    """Check settings and security of the server of FOLDER; each finding has a code and says what to do.

    Exit code 1 if there is any error. The codes: docs/checks.md.
    """
    setup_django(folder)
    from django.conf import settings  # noqa: PLC0415 - after Django is ready

    from counterfoil.config.checks import run_checks  # noqa: PLC0415 - as above

    results = []
    for result in run_checks(settings.COUNTERFOIL, datetime.now(UTC)):
        results.append(result)
        say.progress(result.check.asks)
    count = {state: sum(r.state == state for r in results) for state in ("ok", "error", "warning", "unknown")}
    lines = []
    for result in results:
        lines.append(f"{result.state:<8} {result.check.code:<22} {'; '.join(result.found) or result.check.asks}")
        if result.state != "ok":
            lines.append(f"{'':<31} {result.check.hint}")
    lines.append(", ".join(f"{number} {state}" for state, number in count.items()))
    data = {
        "checks": [
            {"code": r.check.code, "state": r.state, "asks": r.check.asks, "found": list(r.found), "hint": r.check.hint}
            for r in results
        ],
        **count,
    }
    say.result(data, lines)
    return DOES_NOT_HOLD if count["error"] else 0


@click.command()
@click.argument("folder", type=FOLDER)
@with_output
def organiser(folder: Path, say: Output) -> None:
    """Print a link for a new organiser of the server in FOLDER; for the machine's owner, when all others lost their
    keys.

    It is written into the audit log, where every organiser and auditor sees it. A link that was printed before ends.
    """
    setup_django(folder)
    from counterfoil.bootstrap.organiser import operator_link  # noqa: PLC0415 - after Django is ready
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - as above

    link = operator_link(prepare())
    say.result({"link": link}, [link])
