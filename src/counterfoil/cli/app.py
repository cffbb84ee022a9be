"""The group of all commands: which there are, one line about each, and where each is defined."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Mapping
from typing import Any

import click

from counterfoil import __version__
from counterfoil.cli.output import FAULT

COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("counterfoil.cli.serve:serve", "Run the server of an election: pages, worker and publication."),
    "web": ("counterfoil.cli.serve:web", "Run only the pages and the publication."),
    "worker": ("counterfoil.cli.serve:worker", "Run only the worker: batches, record, publication."),
    "check": ("counterfoil.cli.check:check", "Check settings and security of a server."),
    "organiser": ("counterfoil.cli.check:organiser", "Print a link for a new organiser, when all lost their keys."),
    "preflight": ("counterfoil.cli.preflight:preflight", "Try this machine: disk, clock, keys, photos, load."),
    "backup": ("counterfoil.cli.backup:backup", "Write all of a server to one sealed file, while it runs."),
    "restore": ("counterfoil.cli.backup:restore", "Make a server of a backup; it signs only what nobody saw newer."),
    "send": ("counterfoil.cli.send:send", "Send a folder of photos to a server."),
    "rehearse": (
        "counterfoil.cli.rehearse:rehearse",
        "Run a simulated election through a real server, and score it.",
    ),
    "demo": ("counterfoil.cli.demo:demo", "Simulate an election, count it, publish it and serve the publication."),
    "init": ("counterfoil.cli.folder:init", "Start an election: a folder with a commented example."),
    "recipe": ("counterfoil.cli.folder:recipe", "Make an election's folder from a known public data set."),
    "import": ("counterfoil.cli.folder:import_", "Take files into an election's folder, after showing what is new."),
    "count": ("counterfoil.cli.count:count", "Put what is new into the record, count from it and publish."),
    "publish": ("counterfoil.cli.count:publish", "Publish again from the record alone."),
    "verify": ("counterfoil.cli.verify:verify", "Check a publication: does everything follow from its record?"),
    "read": ("counterfoil.cli.read:read", "Read the figures in photos of protocols, and say how sure of each."),
    "forensics": ("counterfoil.cli.forensics:forensics", "Run the published tests on station-level results."),
    "reader": ("counterfoil.cli.reader:reader", "Make and adjust the machine reader: weights, calibration."),
    "template": ("counterfoil.cli.template:template", "Check form templates, and pack them into one file."),
    "simulate": ("counterfoil.cli.simulate:simulate", "Make an election with known truth, as a folder."),
    "sample": ("counterfoil.cli.simulate:sample", "Draw a declared probability sample from a public seed."),
    "key": ("counterfoil.cli.key:key", "Make, show, split and join the key of a record."),
    "sign": ("counterfoil.cli.key:sign", "Sign a checkpoint on a machine without network."),
}


class LazyGroup(click.Group):
    """Lists commands from `COMMANDS` and imports one only when it is called or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}: expected a click command, found {type(command).__name__}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="counterfoil")
def counterfoil() -> None:
    """Keep your own count of an election, and let anyone check it.

    Start with `counterfoil demo`, or with `counterfoil init FOLDER`.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; what nobody foresaw becomes a traceback and exit code 70."""
    try:
        return counterfoil.main(args=arguments, prog_name="counterfoil")
    except Exception:
        traceback.print_exc()
        sys.exit(FAULT)
