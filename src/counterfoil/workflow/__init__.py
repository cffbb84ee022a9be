"""The use cases as plain functions: this is the Python interface (docs/python-api.md).

>>> from pathlib import Path
>>> from counterfoil import workflow
>>> result = workflow.count(Path("my-election"), Path("site"))  # doctest: +SKIP
>>> result.summary["contests"]["president"]["stations"]  # doctest: +SKIP
"""

from counterfoil.simulate.election import write_election
from counterfoil.workflow.count import CountResult, count, preview, publish
from counterfoil.workflow.demo import Demo, demo
from counterfoil.workflow.folder import Found, ImportResult, import_files, init
from counterfoil.workflow.sample import Drawn, draw_sample
from counterfoil.workflow.verify import verify

__all__ = [
    "CountResult",
    "Demo",
    "Drawn",
    "Found",
    "ImportResult",
    "count",
    "demo",
    "draw_sample",
    "import_files",
    "init",
    "preview",
    "publish",
    "verify",
    "write_election",
]
