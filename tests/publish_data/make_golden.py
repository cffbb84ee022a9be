"""Write the golden files again: `python -m tests.publish_data.make_golden`. Look at what changed before committing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from counterfoil import workflow
from counterfoil.publish.data import data_files
from tests.publish_data.test_package import GOLDEN
from tests.workflow.folders import NOW, make_folder


def main() -> None:
    """Count the three-station election and keep its texts."""
    with tempfile.TemporaryDirectory() as name:
        made = workflow.count(make_folder(Path(name) / "e"), now=NOW).publication
    assert made is not None
    GOLDEN.mkdir(exist_ok=True)
    for path, data in data_files(made):
        file = path.removeprefix("data/")
        if file == "summary.json" or file.endswith(".csv"):
            (GOLDEN / file).write_bytes(data)


if __name__ == "__main__":
    main()
