"""The generated half of docs/cli.md: what each command says about itself. `python -m tests.cli.reference` writes it."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from counterfoil.cli.app import COMMANDS, counterfoil

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
MARK = "<!-- From here on made by `python -m tests.cli.reference`; edit the commands, not this. -->\n"


def _help(*names: str) -> str:
    result = CliRunner().invoke(counterfoil, [*names, "--help"], prog_name="counterfoil", terminal_width=100)
    return result.output.rstrip()


def reference() -> str:
    """Every command with its help, in the order of `counterfoil --help`."""
    parts = [f"```\n{_help()}\n```"]
    context = click.Context(counterfoil)
    for name in COMMANDS:
        parts.append(f"## counterfoil {name}\n\n```\n{_help(name)}\n```")
        command = counterfoil.get_command(context, name)
        if isinstance(command, click.Group):
            parts += [
                f"### counterfoil {name} {sub}\n\n```\n{_help(name, sub)}\n```"
                for sub in command.list_commands(context)
            ]
    return "\n\n".join(parts) + "\n"


def with_reference(text: str) -> str:
    """A document with its generated half made anew."""
    return text.partition(MARK)[0] + MARK + "\n" + reference()


if __name__ == "__main__":
    DOCUMENT.write_text(with_reference(DOCUMENT.read_text("utf-8")), "utf-8")
