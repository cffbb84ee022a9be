"""The private side of an election's folder: its keys, its log, its objects. Opened for one run, locked against others.

`keys/` is made on the first run, after everything else has been checked, so that bad input leaves nothing behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from counterfoil.primitives.errors import InputError, RecordError
from counterfoil.record.keys import LOG_KEY, create_key, create_secret, load_key, read_secret
from counterfoil.record.layout import VKEY
from counterfoil.record.log import Log
from counterfoil.record.note import Verifier
from counterfoil.record.objects import ObjectStore
from counterfoil.record.replay import replay
from counterfoil.workflow.intake import Plan
from counterfoil.workflow.known import Known, read_known

PSEUDONYM_KEY = "pseudonym.key"
SEED_BYTES = 32


class Holdings:
    """The record of one folder, its objects and its keys. Use it in a `with` block.

    Args:
        origin: name of the log (organisation.example/country-year); None: what it is, `default` where it is new.
        default: name of a new log that nobody named.
        vkey: the verifier key of a log whose key is on another machine; then checkpoints wait to be signed.
        read_only: neither lock nor recover the log; nothing can be appended.
    """

    def __init__(
        self,
        folder: Path,
        *,
        origin: str | None = None,
        default: str = "",
        vkey: str | None = None,
        must_exist: bool = False,
        read_only: bool = False,
    ) -> None:
        self.folder, self.origin, self.default, self.vkey = folder, origin, default, vkey
        self.keys, self.objects = folder / "keys", ObjectStore(folder / "objects")
        self.log: Log | None = None
        exists = (folder / "record" / VKEY).exists()
        self.offline = vkey is not None or (exists and not (self.keys / LOG_KEY).exists())
        """Whether the log's key is on another machine."""
        if exists:
            signer = None if self.offline or read_only else load_key(self.keys)
            self.log = Log.open(folder / "record", signer, writable=not read_only)
            self._check_named()
        elif must_exist:
            raise InputError(
                str(folder / "record"),
                expected="a record",
                found="none",
                do="run `counterfoil count` first",
                code="no-log",
            )
        self._pseudonyms: bytes | None = None

    def _check_named(self) -> None:
        """The log is the one that the caller named, if he named one."""
        if self.log is None:
            return
        for option, named, found in (
            ("--origin", self.origin, self.log.origin),
            ("--offline-sign", self.vkey, self.log.vkey),
        ):
            if named is not None and named != found:
                self.log.close()
                raise InputError(
                    str(self.folder / "record"),
                    expected=f"the record of {named}",
                    found=f"the record of {found}",
                    do=f"leave {option} out: a record keeps its name and its key",
                    code="wrong-origin",
                )

    def __enter__(self) -> Holdings:
        return self

    def __exit__(self, *_: object) -> None:
        if self.log is not None:
            self.log.close()

    @property
    def pseudonyms(self) -> bytes:
        """The key of copies' and readers' pseudonyms; of a new folder drawn now and kept by `append`."""
        if self._pseudonyms is None:
            if (self.keys / PSEUDONYM_KEY).exists():
                self._pseudonyms = bytes.fromhex(read_secret(self.keys, PSEUDONYM_KEY).decode("ascii").strip())
            elif self.log is not None and self.log.size:
                raise RecordError(
                    f"{self.keys / PSEUDONYM_KEY}: expected the key of this record's pseudonyms, found none; without "
                    "it nobody can tell what is new: put it back from the backup",
                    code="no-key",
                )
            else:
                self._pseudonyms = os.urandom(SEED_BYTES)
        return self._pseudonyms

    def entries(self) -> Iterator[bytes]:
        """Every entry of the record."""
        return self.log.entries() if self.log is not None else iter(())

    def known(self) -> Known:
        """What the record says already."""
        return read_known(self.entries())

    def append(self, plan: Plan) -> None:
        """Check that the record with the new entries can be replayed, then store the objects, then append.

        Raises:
            RecordError: the entries contradict each other or what stands there; nothing was written.
        """
        if not plan.entries:
            return
        replay(chain(self.entries(), plan.entries), lambda sha256: _either(plan, self.objects, sha256))
        log = self._log_for_append()
        for data in plan.objects.values():
            self.objects.put(data)
        log.append(plan.entries)

    def _log_for_append(self) -> Log:
        if not (self.keys / PSEUDONYM_KEY).exists():
            create_secret(self.keys, PSEUDONYM_KEY, self.pseudonyms.hex().encode("ascii") + b"\n")
        if self.log is None:
            if self.vkey is not None:
                self.log = Log.create(self.folder / "record", Verifier(self.vkey))
            else:
                if not (self.keys / LOG_KEY).exists():
                    create_key(self.keys, self.origin or self.default, os.urandom(SEED_BYTES))
                self.log = Log.create(self.folder / "record", load_key(self.keys))
        return self.log

    def sign(self, text: str) -> bytes:
        """A manifest's text, signed with the log's key."""
        return load_key(self.keys).sign_manifest(text)


def _either(plan: Plan, objects: ObjectStore, sha256: str) -> bytes:
    new = plan.objects.get(sha256)
    return new if new is not None else objects.get(sha256)


def default_origin(election_id: str) -> str:
    """The name of a log that nobody named: example, so that nobody takes it for an organisation's."""
    return f"counterfoil.example/{election_id}"
