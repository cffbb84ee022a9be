"""The server's work state. What is public stands in the record; this is what people need to work on it.

Rules:

* Nothing of a sender is here: no address, device, file name, free text; of time only the *slot* (the start of the
  batch). Rows that a sender causes have random keys and, once their batch is sealed, stand in shuffled order.
* An `Entry` is a line of the record, waiting or recorded. Who caused it (`author`) is only here, never in the record.
* Everything that can be derived (tasks, standing, look-alikes) can be dropped and made again from copies and entries.
* What has been acknowledged is never deleted, only superseded; a picture that endangers somebody can be purged, its row
  stays.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

SLOT_CHARACTERS = 17
"""2026-11-22T20:10Z"""


class AccountManager(BaseUserManager["Account"]):
    """Accounts are made by invitation (`web.accounts`) or by `counterfoil serve` for the first organiser."""

    def create_account(self, username: str, roles: list[str], invited_by: Account | None = None) -> Account:
        account = Account(username=username, roles=sorted(roles), invited_by=invited_by)
        account.set_unusable_password()
        account.save()
        return account


class Account(AbstractBaseUser):
    """A volunteer or organiser, under a name of their own choosing. No mail, no telephone, no time of joining."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=40, unique=True)
    roles = models.JSONField(default=list)
    """Words of `workflow.roles.ROLES`."""
    is_active = models.BooleanField(default=True)
    invited_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="invited")
    language = models.CharField(max_length=8, blank=True)
    last_login = None

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = AccountManager()

    def __str__(self) -> str:
        return self.username


class Invitation(models.Model):
    """A link that makes one account, or gives an account back to somebody who lost their keys."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code_hash = models.CharField(max_length=64, unique=True, null=True)
    """SHA-256 of the code; the code itself is shown once. Null: it waits for a second organiser."""
    roles = models.JSONField(default=list)
    invited_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="invitations")
    """Null: the machine's operator."""
    approved_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    recovers = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="recoveries")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    """Whom it let in. The link stays good until they have a second factor: a closed browser locks nobody out."""
    expires_at = models.DateTimeField()
    used = models.BooleanField(default=False)


class Session(AbstractBaseSession):
    """A browser in which somebody is logged in, or about to be. Its key is the hash of the cookie: who reads the
    database can't take a session over. No address, no browser; a word and a day, so that people recognise theirs."""

    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE, related_name="sessions")
    word = models.SmallIntegerField(default=0)
    began_on = models.DateField(null=True)


class Kept(models.Model):
    """Django's cache where several processes share one: budgets of log-in, one-time codes that were used. Nothing of a
    sender."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "cache"


class Area(models.Model):
    """A node of the territory tree, mirrored from the record for searching."""

    id = models.CharField(max_length=200, primary_key=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=100, blank=True)
    deadline = models.CharField(max_length=10, blank=True)
    """Legal deadline of a complaint, ISO date."""


class Station(models.Model):
    """A polling station, mirrored from the record for searching."""

    id = models.CharField(max_length=200, primary_key=True)
    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="stations")
    name = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=100, blank=True)
    registered = models.BigIntegerField(null=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    search = models.TextField()
    """Code, name and areas, case-folded."""
    spread = models.IntegerField(default=0)
    """Rank in the early, geographically spread sample: small comes first."""
    closed_for_strangers = models.BooleanField(default=False)

    class Meta:
        indexes = (models.Index(fields=["area", "id"]), models.Index(fields=["spread"]))


class Head(models.Model):
    """How far the log had grown when this database last saw it. One row. A database that was restored from a backup has
    an older head than the log, and a log that was restored has an older size than the head: both are refused."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    root = models.CharField(max_length=64, blank=True)


class Batch(models.Model):
    """Entries that go into the log together. Sealed: their order is fixed; logged: they are in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slot = models.CharField(max_length=SLOT_CHARACTERS)
    size_before = models.BigIntegerField(unique=True)
    count = models.IntegerField()
    logged = models.BooleanField(default=False)


class Entry(models.Model):
    """A line of the record, waiting (`index` is null) or recorded, and who caused it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=20)
    body = models.JSONField()
    """The entry without `v` and `batch`. Where it means another entry that may not be recorded yet, see `refers`."""
    refers = models.JSONField(default=list)
    """Ids (text) of entries that must be recorded before: their indexes become `entry` (of a withdrawal) or
    `rests_on`."""
    copy = models.CharField(max_length=64, blank=True)
    station = models.CharField(max_length=200, blank=True)
    contest = models.CharField(max_length=100, blank=True)
    author = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="entries")
    program = models.CharField(max_length=80, blank=True)
    """name@version, where a program is the author."""
    slot = models.CharField(max_length=SLOT_CHARACTERS)
    """The slot in which it came; it goes in when the slot is over."""
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, related_name="entries")
    position = models.IntegerField(null=True)
    index = models.BigIntegerField(null=True, unique=True)
    withdrawn = models.BooleanField(default=False)
    """A withdrawal of it waits or is recorded."""

    class Meta:
        indexes = (
            models.Index(fields=["copy", "type"]),
            models.Index(fields=["author", "copy"]),
            models.Index(fields=["station", "contest", "type"]),
            models.Index(
                fields=["slot"], condition=models.Q(batch__isnull=True, index__isnull=True), name="entry_waiting"
            ),
        )


class Branch(models.Model):
    """A branch of invited senders: whose codes an organisation handed out. Revoking it takes all its copies out."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, default="invited")
    """invited: printed codes; organisation: may send PDF and TIFF, folders and ZIP files."""
    quota = models.IntegerField(null=True)
    """Copies that may come through it; null: no limit."""
    sent = models.IntegerField(default=0)
    revoked = models.BooleanField(default=False)
    revoked_for = models.CharField(max_length=40, blank=True)
    """A word of `primitives.words.WITHDRAWAL_REASONS`."""


class Code(models.Model):
    """A printed invitation code for sending: only its hash, and how often it may still be used. No time."""

    code_hash = models.CharField(max_length=64, primary_key=True)
    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="codes")
    uses_left = models.IntegerField(default=1)


class Token(models.Model):
    """A token of the API: of an account (does what its roles may) or of a branch (may send)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE, related_name="tokens")
    branch = models.ForeignKey(Branch, null=True, on_delete=models.CASCADE, related_name="tokens")
    revoked = models.BooleanField(default=False)


class PictureFields(models.Model):
    """What is known of a sanitised picture and what its sender said about it."""

    salt = models.CharField(max_length=64)
    picture = models.CharField(max_length=64, blank=True)
    """SHA-256 of the sanitised picture in the private store; empty after it was purged."""
    width = models.IntegerField()
    height = models.IntegerField()
    exact = models.CharField(max_length=64, db_index=True)
    """Keyed fingerprint: equal for the same photo sent again (`evidence`)."""
    look = models.JSONField(default=list)
    """Perceptual fingerprint (`evidence`)."""
    printed = models.JSONField(default=list)
    """What codes on the paper say by the form's template: pairs of `station` or `page` and the word. Read when it came
    in, from finer pixels than are kept."""
    station = models.CharField(max_length=200, blank=True)
    contest = models.CharField(max_length=100, blank=True)
    page = models.IntegerField(default=1)
    kind = models.CharField(max_length=40)
    """Of the paper: a word of `workflow.sending.COPY_KINDS`."""
    lane = models.CharField(max_length=20)
    """stranger, invited, organisation"""
    branch = models.ForeignKey(Branch, null=True, on_delete=models.PROTECT, related_name="%(class)ss")
    receipt = models.CharField(max_length=64, blank=True, db_index=True)
    """Hash of the receipt code; empty where none was asked for."""
    slot = models.CharField(max_length=SLOT_CHARACTERS)

    class Meta:
        abstract = True


class Arrival(PictureFields):
    """A copy that was acknowledged and waits for its batch. Deleted when the batch is sealed: then it is a `Copy`, in
    shuffled order, so that the order of arrival is nowhere."""

    copy = models.CharField(max_length=64, primary_key=True)


class Copy(PictureFields):
    """A copy of a protocol page. `copy` is the salted commitment that stands in the record."""

    copy = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=20, default="identify", db_index=True)
    """A word of `workflow.work.STATES`; derived from its entries by `storage.work`."""
    identified = models.BooleanField(default=False)
    """Enough persons said that it is this station, contest, page and kind."""
    moved_from = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="moved_to")
    released = models.CharField(max_length=64, blank=True)
    """SHA-256 of the masked picture that is public."""

    class Meta:
        indexes = (models.Index(fields=["station", "contest", "page"]),)


class MachineReading(models.Model):
    """What the machine made of a copy, once; seen by nobody before people have typed it. Derived: from the picture, the
    reader and the form's template it comes again."""

    copy = models.OneToOneField(Copy, on_delete=models.CASCADE, related_name="machine", primary_key=True)
    made_by = models.CharField(max_length=80)
    """The reader's version and what it was given (templates, calibration): another one reads the copy again."""
    state = models.CharField(max_length=8, default="taken")
    """taken: some worker reads it until `taken_until`; read; failed: it was tried often enough."""
    taken_until = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0)
    found = models.JSONField(default=dict)
    """`workflow.machine.MachineRead` as data."""
    template = models.CharField(max_length=100, blank=True)
    """Which template fits; empty: the page was refused."""
    read_by = models.CharField(max_length=80, blank=True)
    """The `made_by` of what stands in `found`; empty: nothing does yet."""
    rank = models.SmallIntegerField(default=1)
    """`workflow.machine.rank`"""

    class Meta:
        indexes = (models.Index(fields=["made_by", "state"]),)


class Band(models.Model):
    """A part of a perceptual fingerprint: its coarse look (band 0), or one of its words (band 1)."""

    copy = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="bands")
    band = models.SmallIntegerField()
    value = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["band", "value"]),)


class LookAlike(models.Model):
    """Two copies that look like one photo. A link for people to see; it drops nothing."""

    one = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    """A word of `evidence.likeness.Kind`: same, part, differs."""
    distance = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["one", "other"], name="look_alike_once"),)


class Task(models.Model):
    """Work that is open. Handed out by a lease; gone when done. Derived: `storage.work.refresh` makes it again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10)
    """identify, place, read, third, decide"""
    copy = models.ForeignKey(Copy, null=True, on_delete=models.CASCADE, related_name="tasks")
    station = models.CharField(max_length=200, blank=True)
    contest = models.CharField(max_length=100, blank=True)
    fields = models.JSONField(default=list)
    """The fields that are asked for; empty: all of the page."""
    number = models.SmallIntegerField(default=1)
    """One task for each person who is needed."""
    priority = models.BigIntegerField(default=0)
    """Small comes first."""
    leased_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="leases")
    leased_until = models.DateTimeField(null=True)
    draft = models.JSONField(default=dict)
    """What the holder has typed so far (autosave); never shown to another."""
    branches = models.TextField(blank=True)
    """Invitation branches of those who worked on it already, separated by spaces: others come first."""
    gold = models.BooleanField(default=False)
    """A copy with known answers, for `leased_by` alone; its reading does not go into the record."""

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "copy", "station", "contest", "number"], name="task_once"),
        )
        indexes = (
            models.Index(fields=["kind", "priority", "id"]),
            models.Index(fields=["leased_by"]),
        )


class Opinion(models.Model):
    """What somebody said about a copy or station that is no entry of the record by itself: what it shows
    (`identify`; `place` where that decides), a ruling that waits for a second arbiter (`decide`), answers to a copy
    with known answers (`gold`), that they gave it back (`skip`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10)
    copy = models.ForeignKey(Copy, null=True, on_delete=models.CASCADE, related_name="opinions")
    station = models.CharField(max_length=200, blank=True)
    contest = models.CharField(max_length=100, blank=True)
    author = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="opinions")
    body = models.JSONField(default=dict)
    withdrawn = models.BooleanField(default=False)

    class Meta:
        indexes = (
            models.Index(fields=["author", "copy"]),
            models.Index(fields=["copy", "kind"]),
            models.Index(fields=["station", "contest", "kind"]),
        )


class Gold(models.Model):
    """A copy with known answers, given to readers among the others."""

    copy = models.OneToOneField(Copy, on_delete=models.CASCADE, related_name="gold")
    values = models.JSONField()


class Standing(models.Model):
    """How well a reader reads, by field; and how closely their work is looked at."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="standing", primary_key=True)
    stage = models.CharField(max_length=12, default="new")
    """new, trusted, watched, reviewed, paused"""
    fields_right = models.IntegerField(default=0)
    fields_wrong = models.IntegerField(default=0)
    by_field = models.JSONField(default=dict)
    """field -> [right, wrong]"""
    gold_right = models.IntegerField(default=0)
    gold_wrong = models.IntegerField(default=0)
    copies = models.IntegerField(default=0)
    """Copies of theirs of which at least one field is settled."""
    shared_wrong = models.IntegerField(default=0)
    """Wrong fields in which another person typed the same wrong value."""
    reasons = models.JSONField(default=list)
    """Why the stage is what it is: [code, numbers]..., for organisers."""
    ordered = models.CharField(max_length=12, blank=True)
    """A stage that an organiser set; it stands over the derived one."""
    followed = models.CharField(max_length=12, default="new")
    """The stage that the tasks of their copies were last made for."""


class Judged(models.Model):
    """How one reading came out: `Standing` is the sum of these. Made again whenever its copy's work is."""

    entry = models.OneToOneField(Entry, on_delete=models.CASCADE, related_name="judged", primary_key=True)
    author = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="judged")
    fields = models.JSONField(default=dict)
    """field -> [right, shared]: typed as it was settled; another person typed the same wrong value."""


class PhoneFigures(models.Model):
    """Figures that came without a photo. A lower class: shown beside, never in a tally."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    station = models.CharField(max_length=200)
    contest = models.CharField(max_length=100)
    values = models.JSONField()
    lane = models.CharField(max_length=20)
    slot = models.CharField(max_length=SLOT_CHARACTERS)


class Dispute(models.Model):
    """A stranger says that something about a station is wrong. Answered by a notice or decision in the record."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    station = models.CharField(max_length=200)
    contest = models.CharField(max_length=100)
    reason = models.CharField(max_length=40)
    """A word of `workflow.sending.DISPUTE_REASONS`; no free text from strangers."""
    fields = models.JSONField(default=list)
    receipt = models.CharField(max_length=64, blank=True, db_index=True)
    slot = models.CharField(max_length=SLOT_CHARACTERS)
    answer = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="answers")
    closed = models.BooleanField(default=False)


class WithdrawalRequest(models.Model):
    """A sender asks, by receipt, that a copy is taken out. Organisers propose the withdrawal; two persons decide."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    copy = models.CharField(max_length=64, unique=True)
    """Of an `Arrival`, later of the `Copy`."""
    slot = models.CharField(max_length=SLOT_CHARACTERS)
    proposal = models.ForeignKey("Proposal", null=True, on_delete=models.PROTECT, related_name="+")


class Mask(models.Model):
    """Where a copy is made black before it is public; drawn by one person, confirmed by another look."""

    copy = models.OneToOneField(Copy, on_delete=models.CASCADE, related_name="mask", primary_key=True)
    regions = models.JSONField(default=list)
    """Polygons in millionths of width and height."""
    drawn_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")


class Layout(models.Model):
    """A form template that organisers draw; its pictures lie in the private store. The record has it only when a
    definition that holds it was imported."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plain = models.JSONField()
    """Of `election.template_format`, possibly with fields that have no place yet."""
    shown = models.JSONField(default=dict)
    """SHA-256 of a page's picture -> of the picture of ours that a browser is shown."""
    author = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    changed = models.CharField(max_length=SLOT_CHARACTERS)


class Proposal(models.Model):
    """Something that changes a published figure, and needs a second person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    action = models.CharField(max_length=40)
    """An action of `workflow.roles.FOUR_EYES`."""
    payload = models.JSONField()
    reason = models.CharField(max_length=40)
    proposed_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="proposals")
    decided_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, default="open", db_index=True)
    """open, approved, refused, taken_back"""
    proposed_at = models.DateTimeField()


class Setting(models.Model):
    """What organisers may change while the server runs. Names, types and defaults: `workflow.running.RUNNING`."""

    name = models.CharField(max_length=60, primary_key=True)
    value = models.JSONField()


class Audit(models.Model):
    """The internal log of privileged actions: who did what to what. Each line holds the hash of the one before, so that
    a changed or dropped line shows."""

    number = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
