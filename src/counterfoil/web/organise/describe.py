"""What a proposal would do, in words: the same for the page, the list and the second person."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from counterfoil.storage import branches
from counterfoil.storage.models import Account, Branch, Entry, Proposal
from counterfoil.web.texts import local

TITLES = {
    "import_tables": gettext_lazy("Import"),
    "release": gettext_lazy("Release of a picture"),
    "withdraw": gettext_lazy("Withdrawal"),
    "exclude": gettext_lazy("Station left out"),
    "freeze": gettext_lazy("Freeze"),
    "roles": gettext_lazy("Roles of a person"),
    "revoke_branch": gettext_lazy("Branch of senders revoked"),
    "invalidate_reader": gettext_lazy("Readings of a person sent back"),
}
STATES = {
    "draft": gettext_lazy("draft"),
    "open": gettext_lazy("waits for a second person"),
    "approved": gettext_lazy("approved"),
    "refused": gettext_lazy("refused"),
    "taken_back": gettext_lazy("taken back"),
    "outdated": gettext_lazy("outdated: what it rested on has changed"),
}
KINDS = {
    "areas": gettext_lazy("Areas"),
    "stations": gettext_lazy("Stations"),
    "official": gettext_lazy("Official snapshot"),
    "readings": gettext_lazy("Readings (whole table)"),
    "reports": gettext_lazy("Voters' reports"),
    "election": gettext_lazy("Definition of the election"),
}
STATUSES = {
    "new": gettext_lazy("new"),
    "changed": gettext_lazy("replaces the one that stands"),
    "beside": gettext_lazy("stands beside the earlier ones, which stay"),
    "same": gettext_lazy("nothing new"),
}
TYPES = {
    "copy": gettext_lazy("copy"),
    "reading": gettext_lazy("reading"),
    "decision": gettext_lazy("decision"),
    "table": gettext_lazy("table"),
    "release": gettext_lazy("release"),
    "notice": gettext_lazy("notice"),
    "election": gettext_lazy("definition"),
    "withdrawal": gettext_lazy("withdrawal"),
    "report": gettext_lazy("report"),
}
REASONS = {
    "sender_asked": gettext_lazy("the sender asked for it"),
    "endangers_somebody": gettext_lazy("it endangers somebody"),
    "entered_by_mistake": gettext_lazy("it was entered by mistake"),
    "reader_withdrawn": gettext_lazy("its reader was withdrawn"),
    "replaced": gettext_lazy("it was replaced"),
    "forged": gettext_lazy("it is forged"),
    "read_again": gettext_lazy("read again"),
    "better_photo": gettext_lazy("there is a better photo"),
    "later_copy": gettext_lazy("there is a later copy"),
    "signed_copy": gettext_lazy("there is a signed copy"),
    "wrong_station": gettext_lazy("it is of another station"),
    "not_a_protocol": gettext_lazy("it is not a protocol"),
    "duplicate": gettext_lazy("it is there twice"),
    "station_merged": gettext_lazy("the station was merged"),
    "cannot_be_settled": gettext_lazy("it can't be settled"),
}
FROZEN = {"intake": gettext_lazy("the intake"), "publication": gettext_lazy("the publication")}
ROLES = {
    "sender_coordinator": gettext_lazy("sender coordinator"),
    "reader": gettext_lazy("reader"),
    "arbiter": gettext_lazy("arbiter"),
    "organiser": gettext_lazy("organiser"),
    "auditor": gettext_lazy("auditor"),
}


def title(proposal: Proposal) -> str:  # noqa: PLR0911 - one line per action
    """One line."""
    payload = proposal.payload
    head = str(TITLES[proposal.action])
    match proposal.action:
        case "import_tables":
            kind, name = payload["preview"]["kind"], payload["body"].get("name", "")
            return f"{head}: {KINDS[kind]} {name if name != kind else ''}".strip()
        case "exclude":
            return f"{head}: {payload['station']}"
        case "freeze":
            what = ", ".join(str(FROZEN[one]) for one in payload["what"])
            return f"{head}: {what}" if what else _("Everything goes on again")
        case "withdraw":
            entries = Entry.objects.filter(pk__in=payload["entries"])
            types = ", ".join(sorted({str(TYPES[entry.type]) for entry in entries}))
            stations = ", ".join(sorted({entry.station for entry in entries if entry.station}))
            return f"{head}: {types} {stations}".strip()
        case "release":
            station = Entry.objects.filter(copy=payload["copy"], type="copy").values_list("station", flat=True).first()
            return f"{head}: {station or ''}".strip()
        case "roles" | "invalidate_reader":
            account = Account.objects.filter(pk=payload["account"]).first()
            return f"{head}: {account.username if account else ''}"
        case "revoke_branch":
            branch = Branch.objects.filter(pk=payload["branch"]).first()
            return f"{head}: {branch.name if branch else ''}"
        case _:
            return head


def lines(proposal: Proposal) -> list[tuple[str, str]]:
    """What it would do, as label and value."""
    payload = proposal.payload
    found: list[tuple[str, str]] = []
    if proposal.reason and "reason" not in payload:
        found.append((_("Reason"), str(REASONS.get(proposal.reason, proposal.reason))))
    match proposal.action:
        case "import_tables":
            found += _of_import(payload)
        case "withdraw":
            found.append((_("Reason"), str(REASONS[payload["reason"]])))
            found += [(str(TYPES[e.type]), _entry(e)) for e in Entry.objects.filter(pk__in=payload["entries"])]
        case "release":
            regions = payload["mask"]["regions"]
            found.append((_("Copy"), payload["copy"]))
            found.append((_("Black areas"), str(len(regions)) if regions else _("none: nothing to hide")))
            found.append((_("Mask"), payload["mask_id"]))
        case "exclude":
            found.append((_("Reason"), str(REASONS[payload["reason"]])))
            found += [(_("Station"), payload["station"]), (_("Contest"), payload["contest"])]
        case "freeze":
            found.append((_("Published reason"), local(payload["text"])))
        case "roles":
            found.append((_("Roles"), ", ".join(str(ROLES[role]) for role in payload["roles"])))
        case "invalidate_reader":
            count = Entry.objects.filter(author_id=payload["account"], type="reading", withdrawn=False).count()
            found.append((_("Readings that count now"), str(count)))
        case "revoke_branch":
            branch = Branch.objects.filter(pk=payload["branch"]).first()
            every = branches.with_all_below(branch) if branch is not None else []
            found.append((_("Reason"), str(REASONS[payload["reason"]])))
            found.append((_("Branches"), ", ".join(one.name for one in every)))
            found.append((_("Copies that came through them and count now"), str(len(branches.copies_of(every)))))
    return found


def _entry(entry: Entry) -> str:
    number = _("entry %(number)s") % {"number": entry.index} if entry.index is not None else _("waits for its batch")
    return " · ".join(part for part in (entry.station, entry.contest, str(entry.body.get("name", "")), number) if part)


def _of_import(payload: dict[str, Any]) -> list[tuple[str, str]]:
    body, preview = payload["body"], payload["preview"]
    found = [
        (_("Kind"), str(KINDS[preview["kind"]])),
        (_("What it does"), str(STATUSES[preview["status"]])),
        (_("Rows"), str(preview["rows"])),
    ]
    if "contest" in body:
        found.append((_("Contest"), body["contest"]))
    if "snapshot" in body:
        found.append((_("Snapshot"), f"{body['snapshot']} ({body['announced_at']})"))
    if "source" in body:
        found.append((_("Source"), " · ".join(str(value) for value in body["source"].values())))
    named = body.get("object") or body.get("definition")
    if named:
        found.append((_("SHA-256 of the table"), named["sha256"]))
    return found
