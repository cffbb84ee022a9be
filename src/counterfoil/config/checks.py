"""`counterfoil check`: is this server set up so that nothing is lost and nobody is exposed?

Answers, for each check of `CHECKS`: does it hold here, what was found, what to do. Leaves out whether the record is
right (`counterfoil verify`) and how much the machine bears (`counterfoil preflight`).

Rules:

* A code never changes its meaning: handbooks and monitors name it. The table in docs/checks.md is made from `CHECKS`.
* `error`: something can be lost or somebody exposed; do not open to the public. `warning`: know it and decide.
* A check only looks (but for a few bytes put into the store of pictures and taken out again). Where it can't look (no
  such file on this system, nothing there yet) it says so, as `unknown`; that is never `ok`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import Error as DatabaseError

from counterfoil.config import checks_machine as machine
from counterfoil.config import checks_settings as given
from counterfoil.config import checks_state as state
from counterfoil.config.settings import Settings
from counterfoil.primitives.errors import CounterfoilError

Severity = Literal["error", "warning"]
State = Literal["ok", "error", "warning", "unknown"]


@dataclass(frozen=True)
class Check:
    """`look` gives what is wrong, one finding a string; nothing where all is well; None where it can't tell."""

    code: str
    severity: Severity
    asks: str
    hint: str
    look: Callable[[Settings, datetime], Iterable[str] | None]


@dataclass(frozen=True)
class Result:
    """One check here and now. `found`: what was wrong, or why nothing can be said."""

    check: Check
    state: State
    found: tuple[str, ...] = ()


CHECKS: tuple[Check, ...] = (
    Check(
        "hosts", "error", "Are the names of the server plain and explicit?",
        "hosts in server.toml: full names, no *, no leading dot, no port", given.hosts,
    ),
    Check(
        "https", "error", "Is every name but localhost and onion services reached by https?",
        "https = true, behind_proxy = true, and a proxy that speaks TLS (deploy/README.md)", given.https,
    ),
    Check(
        "listens", "error", "Does the server listen on this machine only?",
        'host = "127.0.0.1"; a proxy or onion service in front brings it to others', given.listens,
    ),
    Check(
        "onion", "warning", "Is there an onion address for when the site is blocked?",
        "add the .onion name to hosts; people there log in by password and code", given.onion,
    ),
    Check(
        "rehearsal", "warning", "Is this a real election?",
        "rehearsal = false before real photos come in", given.rehearsal,
    ),
    Check(
        "batches", "warning", "Are photos of strangers put into the record by batches of at least ten minutes?",
        "batch_s = 600: shorter batches tell the provider of a network who sent what", given.batches,
    ),
    Check(
        "no-secret-in-settings", "error", "Is server.toml free of secrets?",
        "put passwords into files below keys/ (docs/running.md)", given.no_secret,
    ),
    Check(
        "django", "error", "Do Django's own checks for deployment hold?",
        "each finding names Django's code", given.django,
    ),
    Check(
        "keys", "error", "Can nobody but the server's user read the keys?",
        "chmod 700 keys; chmod 600 keys/*; chown to the server's user", machine.keys,
    ),
    Check(
        "private-folder", "error", "Can nobody but the server's user read database and pictures?",
        "chmod 700 server", machine.private_folder,
    ),
    Check(
        "disk-free", "error", "Is there room for the night?",
        "at least 5 GB and a tenth of the disk; delete or add a disk now", machine.disk,
    ),
    Check(
        "swap", "warning", "Is swap off, so that no photo in memory is written to a disk?",
        "swapoff -a and take it out of /etc/fstab; or encrypt it with a key that is made at each start", machine.swap,
    ),
    Check(
        "temporary-folder", "warning", "Is the folder of temporary files in memory?",
        "mount a tmpfs on /tmp, or set TMPDIR to one; the server writes no upload there, libraries might",
        machine.temporary,
    ),
    Check(
        "core-dumps", "warning", "Are core dumps off, so that no crash writes memory to a disk?",
        "LimitCORE=0 in the units; kernel.core_pattern=|/bin/false", machine.core_dumps,
    ),
    Check(
        "clock", "warning", "Is the clock kept right by the network?",
        "systemd-timesyncd or chrony; one-time codes fail when it is a minute off", machine.clock,
    ),
    Check(
        "sandbox", "error", "Are strangers' files decoded in a full jail?",
        "install bubblewrap and allow user namespaces", machine.sandbox,
    ),
    Check(
        "database", "error", "Can the database be reached, and has it today's tables?",
        "start it; `counterfoil serve` or `counterfoil worker` makes the tables", state.database,
    ),
    Check(
        "database-durable", "error", "Does a committed row survive loss of power?",
        "SQLite: leave the settings alone; PostgreSQL: fsync, full_page_writes, synchronous_commit on", state.durable,
    ),
    Check(
        "database-quiet", "error", "Does the database write down nothing of what is stored or who connects?",
        "PostgreSQL: log_statement none, log_min_duration_statement -1, log_min_error_statement panic, "
        "log_connections off; SQLite: secure_delete on", state.quiet,
    ),
    Check(
        "pictures", "error", "Can private pictures be stored and read?",
        "see the sentence; for a bucket also keys/objects.id and keys/objects.secret", state.pictures,
    ),
    Check(
        "form-pictures", "warning", "Are the pictures of the forms' templates there, so that the machine can read?",
        "put the template file beside election.yaml and start again, or bring it in under Layouts of forms",
        state.form_pictures,
    ),
    Check(
        "reader", "warning", "Does the machine reader start in its jail, where a form has a template?",
        "install Counterfoil again with rapidocr; else see `sandbox`; or `readers = 0`: this host then reads nothing",
        state.reader,
    ),
    Check(
        "record", "error", "Do log and database belong together?",
        "put the newer one back, or `counterfoil restore`; nothing is signed until then", state.record,
    ),
    Check(
        "clock-order", "error", "Is the clock ahead of the newest entry of the record?",
        "set the clock right: an entry never goes into a batch before one that stands", state.clock_order,
    ),
    Check(
        "organisers", "error", "Is there an organiser who can log in?",
        "open the link that `counterfoil serve` prints", state.organisers,
    ),
    Check(
        "second-organiser", "warning", "Are there two organisers, so that one arrest does not end the count?",
        "invite one who is somewhere else: People and invitations", state.second_organiser,
    ),
    Check(
        "second-factors", "warning", "Has every open account a second factor?",
        "who never finished their link can do nothing: close the account or invite again", state.factors,
    ),
    Check(
        "key-parts", "warning", "Were parts of the record's key handed out?",
        "counterfoil key split FOLDER/keys --parts 5 --needed 3", state.key_parts,
    ),
    Check(
        "audit", "error", "Is the log of privileged actions whole?",
        "somebody changed the database by hand: keep a copy, compare with a backup", state.audit_log,
    ),
    Check(
        "backup", "warning", "Is there a backup of the last day?",
        "counterfoil backup FOLDER TO; keep it on another machine", state.backup,
    ),
)  # fmt: skip


def run_checks(settings: Settings, now: datetime, checks: Iterable[Check] = CHECKS) -> Iterator[Result]:
    """Every check in turn. One that fails by itself is `unknown`: it hides no other."""
    for check in checks:
        try:
            found = check.look(settings, now)
            listed = None if found is None else tuple(found)
        except (CounterfoilError, OSError, DatabaseError) as error:
            yield Result(check, "unknown", (_sentence(error),))
            continue
        if listed is None:
            yield Result(check, "unknown")
        else:
            yield Result(check, check.severity if listed else "ok", listed)


def _sentence(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def table() -> str:
    """The table of docs/checks.md."""
    lines = ["| code | severity | asks | what to do |", "| --- | --- | --- | --- |"]
    lines += [f"| `{c.code}` | {c.severity} | {c.asks} | {c.hint.replace('|', '&#124;')} |" for c in CHECKS]
    return "\n".join(lines) + "\n"
