"""Decoders of strangers' files run in a jail; only pixels, or a number that says why not, come out of it."""

from counterfoil.sandbox.answer import Pixels
from counterfoil.sandbox.jail.codes import Code
from counterfoil.sandbox.launch import Level
from counterfoil.sandbox.pool import Sandbox
from counterfoil.sandbox.refusals import FileRefused, SandboxBusy, SandboxStopped, SandboxUnavailable

__all__ = ["Code", "FileRefused", "Level", "Pixels", "Sandbox", "SandboxBusy", "SandboxStopped", "SandboxUnavailable"]
