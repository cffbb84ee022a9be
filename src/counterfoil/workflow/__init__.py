"""The use cases as plain functions: this is the Python interface (docs/python-api.md).

>>> from pathlib import Path
>>> from counterfoil import workflow
>>> result = workflow.count(Path("my-election"), Path("site"))  # doctest: +SKIP
>>> result.summary["contests"]["president"]["stations"]  # doctest: +SKIP
"""

from counterfoil.workflow.count import CountResult, count, preview, publish

__all__ = ["CountResult", "count", "preview", "publish"]
