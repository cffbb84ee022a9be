"""A CSV is streamed: its size on disk is not the memory it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from counterfoil.election.folder import load_folder
from counterfoil.primitives.errors import InputError
from tests.election.conftest import Write

ROWS, NOTE = 200_000, "x" * 7_500
"""About 1.5 GB, of which 2 MB are figures; what the program and Polars need anyway is then small beside it."""
MEASURE = """
import sys
from pathlib import Path
from counterfoil.election.table_files import read_table_file
raw = read_table_file(Path(sys.argv[1]), needed=["station", "ada"])
# Not getrusage: its peak includes what the parent held when it forked.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(raw.frame.height, raw.frame["ada"].cast(int).sum(), int(peak.split()[1]) * 1024)
"""


def test_a_csv_much_larger_than_its_needed_columns_is_read_in_less_memory_than_its_size(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    with path.open("w") as stream:
        stream.write("station,ada,note\n")
        for block in range(0, ROWS, 1000):
            stream.write("".join(f"{i},{i % 500},{NOTE}\n" for i in range(block, block + 1000)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "POLARS_MAX_THREADS": "2"},
    )
    rows, votes, peak = map(int, done.stdout.split())
    assert (rows, votes) == (ROWS, sum(i % 500 for i in range(ROWS)))
    assert peak < path.stat().st_size / 2
    path.unlink()


def test_too_many_rows_are_refused_before_they_are_read(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.election.table_files.MAX_CELLS", 30)
    rows = "".join(f"n-1,{i}\n" for i in range(40))
    with pytest.raises(InputError) as caught:
        load_folder(folder(readings="station,ada\n" + rows))
    assert str(caught.value) == (
        "readings.csv: expected at most 10 rows of 3 needed columns in one table, found 40 rows; split the file."
    )
