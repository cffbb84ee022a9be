"""The commands. Each is a few lines around a function of `workflow`: arguments in, text or JSON and an exit code out.

`counterfoil --help` loads no command, so it answers at once; a command is loaded when it is called.
"""

from counterfoil.cli.app import main

__all__ = ["main"]
