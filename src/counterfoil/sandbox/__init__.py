"""Decoders of strangers' files, and programs of ours that look at pictures, run in a jail.

Only pixels with the printed codes that were asked for, an answer in bytes, or a number that says why not, come out.
"""

from counterfoil.sandbox.answer import Pixels, PrintedCode
from counterfoil.sandbox.jail.codes import Code
from counterfoil.sandbox.launch import Level
from counterfoil.sandbox.pool import Sandbox
from counterfoil.sandbox.program import Program
from counterfoil.sandbox.refusals import FileRefused, SandboxBusy, SandboxStopped, SandboxUnavailable

__all__ = [
    "Code",
    "FileRefused",
    "Level",
    "Pixels",
    "PrintedCode",
    "Program",
    "Sandbox",
    "SandboxBusy",
    "SandboxStopped",
    "SandboxUnavailable",
]
