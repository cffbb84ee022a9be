"""Does a publication follow from its record? Anyone repeats all of it, with the folder and the log's public key."""

from counterfoil.verify.folder import verify_folder
from counterfoil.verify.report import Check, Report

__all__ = ["Check", "Report", "verify_folder"]
