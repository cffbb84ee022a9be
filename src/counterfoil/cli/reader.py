"""`counterfoil reader`: what makes and adjusts the weights of the machine reader. Reading itself: `counterfoil read`.

Torch (extra `train`) is imported only when training starts.
"""

from __future__ import annotations

from pathlib import Path

import click

from counterfoil.bootstrap.setup import setup_django
from counterfoil.cli.options import ANYWHERE, FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.primitives.errors import InputError


@click.group()
def reader() -> None:
    """Make and adjust the machine reader: its weights, its calibration."""


@reader.command()
@click.argument("out", type=ANYWHERE)
@click.option("--digits", "mnist", type=FOLDER, help="Folder with the four MNIST files; needed for Western digits.")
@click.option(
    "--numerals",
    type=click.Choice(["western", "others"]),
    default="western",
    show_default=True,
    help="Western digits; or Eastern Arabic, Persian and Devanagari in one network.",
)
@click.option("--recurrent", is_flag=True, help="The other network for Western digits, which judges the first.")
@click.option("--seed", default=1, show_default=True, help="All that is drawn follows from it.")
@click.option("--steps", default=6000, show_default=True, type=click.IntRange(1), help="Batches of 64 fields.")
@click.option(
    "--pictures", default=20000, show_default=True, type=click.IntRange(1, 60000), help="Of MNIST, so many are used."
)
@click.option("--rate", default=2.5e-3, show_default=True, type=click.FloatRange(1e-6, 0.1), help="Of learning.")
@click.option(
    "--blend",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01, 1),
    help="Part of new weights beside START's.",
)
@click.option("--start", type=ANYWHERE, help="Go on from the NUMERALS.pt that an earlier training left in its OUT.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 64), help="Cores for the network.")
@with_output
def train(
    out: Path,
    mnist: Path | None,
    numerals: str,
    recurrent: bool,
    seed: int,
    steps: int,
    pictures: int,
    rate: float,
    blend: float,
    start: Path | None,
    threads: int,
    say: Output,
) -> None:
    """Rebuild the shipped weights in OUT from public digits and synthetic fields.

    Writes OUT/NUMERALS.onnx (or OUT/recurrent.onnx) and says in OUT/weights.json how it was made. Needs the extra:
    pip install 'counterfoil[train]'.
    """
    from counterfoil.workflow.train_reader import teach  # noqa: PLC0415 torch is asked for only here

    made = teach(
        out,
        folder=mnist,
        numerals=numerals,
        recurrent=recurrent,
        seed=seed,
        steps=steps,
        threads=threads,
        note=say.note,
        start=start,
        limit=pictures,
        rate=rate,
        blend=blend,
    )
    say.result(made, [f"{made['file']}: {made['bytes']} bytes, SHA-256 {made['sha256']}"])


@reader.command()
@click.argument("source", metavar="FOLDER|LABELS", type=click.Path(exists=True, path_type=Path))
@click.option("--undo", is_flag=True, help="Go back to the version before the current one.")
@click.option("--fine-tune", is_flag=True, help="Teach our network further on kept photos; FOLDER only.")
@click.option("--rounds", default=4, show_default=True, type=click.IntRange(1, 50), help="Of fine-tuning.")
@click.option("--seed", default=1, show_default=True, help="The order of lessons in each round follows from it.")
@with_output
def fit(source: Path, undo: bool, fine_tune: bool, rounds: int, seed: int, say: Output) -> None:
    """Fit how sure the reader is to what people settled.

    FOLDER is an election's folder with a server: what people settled is taken, and its reader uses the result from
    its next start. A file of LABELS may be given instead; the result goes beside it. A quarter of the copies is held
    out; a fit that does not help there, or has more wrong figures accepted, is not taken. Each version is kept and
    noted in calibration.log.jsonl.

    --fine-tune changes the network instead, and so what is read: the kept photos of what was settled are opened in the
    jail. The new network is taken only if, on the copies held out, it has as many figures right by itself and with the
    whole reader, and not more wrong ones are accepted. Needs the extra: pip install 'counterfoil[train]'. Copies are
    then read again; afterwards fit once more how sure the reader is.
    """
    from counterfoil.reading import fit as fitting  # noqa: PLC0415 heavy libraries load only where they are used

    place = source / "server" / "reader" if source.is_dir() else source.parent
    if undo:
        version = fitting.undo(place)
        say.result({"version": version}, [f"in use again: {version}"])
        return
    if fine_tune:
        _fine_tune(source, place, rounds, seed, say)
        return
    if (source / "election.yaml").exists():
        _write_labels(source)
    now = fitting.current(place)
    labels, left_out = fitting.read_labels(place / "labels.jsonl" if source.is_dir() else source, now.version)
    made = fitting.fit(labels, now, fitting.next_version(place), left_out)
    if made.helps:
        fitting.adopt(place, "fit", made.calibration, made.to_dict())
    lines = [f"{made.sheets} copies, {len(labels)} settled fields, {left_out} of other versions left out"]
    lines += [f"learned: {'a line' if made.to_dict()['kind'] == 'line' else 'rising steps'}"]
    lines += ["held out:            fields   right   log loss           expected error     accepted      wrong"]
    for name, before in made.before.items():
        after = made.after[name]
        lines.append(
            f"  {name:<18} {before.fields:>6}  {before.right:>6}   {before.log_loss:.4f} -> {after.log_loss:.4f}   "
            f"{before.ece:.4f} -> {after.ece:.4f}   {before.accepted:>4} -> {after.accepted:<4}  "
            f"{before.wrong} -> {after.wrong}"
        )
    taken = f"in use: {made.calibration.version}" if made.helps else f"does not help; in use as before: {now.version}"
    say.result({**made.to_dict(), "in_use": made.calibration.version if made.helps else now.version}, [*lines, taken])


def _fine_tune(folder: Path, place: Path, rounds: int, seed: int, say: Output) -> None:
    from counterfoil.reading import fit as fitting  # noqa: PLC0415 as in `fit`

    if not (folder / "election.yaml").exists():
        raise InputError(str(folder), expected="an election's folder with a server", found="no election.yaml")
    setup_django(folder)
    from counterfoil.bootstrap.server import server  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.tuning import fine_tune  # noqa: PLC0415 - as above

    was = fitting.current(place).version
    made = fine_tune(server(), rounds=rounds, seed=seed, note=say.note)
    if made.helps:
        place.mkdir(mode=0o700, exist_ok=True)
        fitting.adopt(place, "fine-tune", made.calibration, made.to_dict())
    lines = [f"{made.sheets} copies, {made.lessons} views of fields to learn from"]
    lines += ["held out:            fields        right  network alone       accepted         wrong"]
    for name, before in made.before.items():
        after = made.after[name]
        lines.append(
            f"  {name:<18} {before.fields:>6}   {before.right:>5} -> {after.right:<5} "
            f"{before.alone:>5} -> {after.alone:<5} "
            f"{before.accepted:>5} -> {after.accepted:<5}  {before.wrong:>5} -> {after.wrong:<5}"
        )
    in_use = made.calibration.version if made.helps else was
    taken = f"in use: {in_use}" if made.helps else f"does not help; in use as before: {in_use}"
    say.result({**made.to_dict(), "in_use": in_use}, [*lines, taken])


def _write_labels(folder: Path) -> None:
    setup_django(folder)
    from counterfoil.bootstrap.labels import write_labels  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.server import server  # noqa: PLC0415 - as above

    write_labels(server())
