"""`python -m benchmarks.reading_hosts [--photos 60] [--width 3000]`: photos read by one and by two worker hosts.

12-megapixel photos of one form, sent in earnest (sanitised, sealed), then read by worker hosts: processes of their own
with folders of their own, one PostgreSQL 15 and one store of pictures between them, one reader each. The limit, from
the same run on the same sanitised pictures: the reader alone in as many processes, without server, jail and database.

Prints a Markdown table. "cpu s a photo": of all processes, the jail's too; it stays comparable when others use the
cores. "in vain": copies that two hosts read.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from tests.servers.postgres import postgres_server

from counterfoil.bootstrap.setup import setup_django
from counterfoil.election.templates import read_template, write_template_zip
from counterfoil.simulate.blank import BlankForm, Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form
from counterfoil.workflow.folder import init

TEMPLATE = "protocol.template.zip"
ROOT = Path(__file__).parents[1]
HEADER = (
    "| what | processes | photos | s | photos a second | cpu s a photo | in vain |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading_hosts", description=__doc__)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--width", type=int, default=3000, help="of a photo in pixels; it is a third higher")
    parser.add_argument("--part", choices=["seed", "host", "alone", "again"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        {"seed": _seed, "host": _host, "alone": _alone, "again": _again}[given.part](given)
        return
    print(HEADER)
    with tempfile.TemporaryDirectory(prefix="counterfoil-hosts-") as name, postgres_server() as database:
        one, two = Path(name) / "one", Path(name) / "two"
        _make(one)
        (one / "keys").mkdir(mode=0o700)
        (one / "keys" / "database.password").write_text(database.password, "ascii")
        os.environ["COUNTERFOIL_DATABASE"] = database.url(database.create_database())
        _end(_start("seed", one, given))
        shutil.copytree(one, two, ignore=shutil.ignore_patterns("pictures", "log.key", "record"))
        (two / "server" / "pictures").symlink_to(one / "server" / "pictures")  # as a store that both can reach
        for number in (1, 2):
            print(_row("the reader alone", number, given.photos, _at_once("alone", [one, two][:number], given)))
        for number in (1, 2):
            print(_row("worker hosts", number, given.photos, _at_once("host", [one, two][:number], given)), flush=True)
            _end(_start("again", one, given))


def _make(folder: Path) -> None:
    init(folder)
    transcripts = folder / "transcripts.csv"
    transcripts.write_text(transcripts.read_text("utf-8").split("\n")[0] + "\n", "utf-8")
    definition: dict[str, Any] = yaml.safe_load((folder / "election.yaml").read_text("utf-8"))
    (form,) = definition["forms"]
    printed = [Printed(f["id"], f["label"]["en"], f.get("kind", "votes")) for f in form["fields"]]
    (folder / TEMPLATE).write_bytes(write_template_zip(paper_form("Protocol", printed, form["checks"]).template))
    definition["forms"] = [{"id": form["id"], "template": TEMPLATE}]
    (folder / "election.yaml").write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")
    (folder / "server.toml").write_text("rehearsal = true\nbatch_s = 10\nreaders = 1\n", "utf-8")


def _start(part: str, folder: Path, given: argparse.Namespace) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.reading_hosts", "--part", part, "--folder", str(folder)]
    sizes = ["--photos", str(given.photos), "--width", str(given.width)]
    plain = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *sizes], cwd=ROOT, env=plain, stdin=pipe, stdout=pipe, text=True)


def _end(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def _at_once(part: str, folders: list[Path], given: argparse.Namespace) -> list[dict[str, Any]]:
    """Processes that begin together once all are ready; what each says."""
    running = [_start(part, folder, given) for folder in folders]
    for one in running:
        assert one.stdout is not None
        one.stdout.readline()
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return [json.loads(_end(one).splitlines()[-1]) for one in running]


def _row(what: str, processes: int, photos: int, said: list[dict[str, Any]]) -> str:
    seconds = max(one["ended"] for one in said) - min(one["began"] for one in said)
    done = sum(one["read"] for one in said)
    vain = sum(one.get("vain", 0) for one in said)
    busy = sum(one["cpu"] for one in said) / done
    return f"| {what} | {processes} | {done} | {seconds:.1f} | {done / seconds:.2f} | {busy:.2f} | {vain} |"


def _cpu_s(process: int | str = "self") -> float:
    """Seconds of the processor that a process, those it started and those that they waited for took."""
    text = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    own = sum(map(int, text[11:15])) / os.sysconf("SC_CLK_TCK")  # utime stime cutime cstime
    tasks = Path(f"/proc/{process}/task").iterdir()
    below = {child for task in tasks for child in (task / "children").read_text("ascii").split()}
    return own + sum(map(_cpu_s, below))


def _ready() -> float:
    print("ready", flush=True)
    sys.stdin.readline()
    return time.time()


def _server(folder: Path) -> Any:
    setup_django(folder)
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - once Django is set up

    return prepare()


def _seed(given: argparse.Namespace) -> None:
    """Photos of the form, sent and sealed."""
    at = _server(given.folder)
    from counterfoil.bootstrap.jobs import grow_now  # noqa: PLC0415 - once Django is set up
    from counterfoil.storage.arrivals import Door, receive  # noqa: PLC0415 - once Django is set up
    from counterfoil.workflow.sending import Claim  # noqa: PLC0415 - once Django is set up
    from counterfoil.workflow.slots import slot_of  # noqa: PLC0415 - once Django is set up

    form = BlankForm(read_template(given.folder / TEMPLATE), {})
    slot = slot_of(at.now() - timedelta(minutes=2), at.settings.batch_s)
    door = Door(at.sandbox, at.intake, at.pepper, slot, at.templates)
    for seed in range(given.photos):
        total = {"ada": 100 + seed, "bob": 300 - seed, "against": seed % 7}
        valid = sum(total.values())
        values = {"voters": 900, "ballots": valid + 5, "spoilt": 5, "valid": valid, **total}
        station = f"00{seed % 3 + 1}"
        texts = {name: str(value) for name, value in values.items()}
        photo = draw_protocol(form, texts, seed=seed, station=station, width=given.width)
        receive(door, photo, Claim(station, "president", 1, "wall_copy"))
    grow_now(at)
    at.close()


def _host(given: argparse.Namespace) -> None:
    """A host that only reads (`counterfoil worker --only-read`), until nothing is due."""
    setup_django(given.folder)
    from counterfoil.bootstrap.machine_host import MachineHost  # noqa: PLC0415 - once Django is set up
    from counterfoil.bootstrap.server import server  # noqa: PLC0415 - once Django is set up
    from counterfoil.storage import machine  # noqa: PLC0415 - once Django is set up

    at = server()
    host, kept, vain = MachineHost(at), machine.keep, list[str]()
    reading = at.reading()
    assert reading is not None

    def keep(copy: Any, read: Any, made_by: str) -> bool:
        done = kept(copy, read, made_by)
        if not done:
            vain.append(copy.pk)
        return done

    machine.keep = keep
    reading.is_due(at.now())  # starts the jail
    began, read, before = _ready(), 0, _cpu_s()
    while reading.is_due(at.now()):
        read += host.round()
    done = {"began": began, "ended": time.time(), "cpu": _cpu_s() - before}
    print(json.dumps({**done, "read": read - len(vain), "vain": len(vain)}))
    at.close()


def _again(given: argparse.Namespace) -> None:
    """As if nothing had been read."""
    at = _server(given.folder)
    from counterfoil.storage.models import MachineReading  # noqa: PLC0415 - once Django is set up

    MachineReading.objects.all().delete()
    at.close()


def _alone(given: argparse.Namespace) -> None:
    """The reader on the same pictures, and nothing else."""
    from counterfoil.reading.reader import Reader  # noqa: PLC0415 - not in every part

    template = read_template(given.folder / TEMPLATE)
    pages = {page.picture.sha256 for page in template.pages}
    reader = Reader([template])
    files = sorted(p for p in (given.folder / "server" / "pictures").rglob("*") if p.is_file() and p.name not in pages)
    reader.read(files[0].read_bytes())
    began, before = _ready(), _cpu_s()
    for file in files:
        reader.read(file.read_bytes())
    done = {"began": began, "ended": time.time(), "cpu": _cpu_s() - before}
    print(json.dumps({**done, "read": len(files)}))


if __name__ == "__main__":
    main()
