"""What a request about tasks works with, and words that its pages share."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from counterfoil.bootstrap.jobs import desk_of
from counterfoil.bootstrap.server import server
from counterfoil.storage.work import Desk

STATES = {
    "number": _("a number"),
    "empty": _("nothing: the box is empty"),
    "struck": _("a dash or a cross"),
    "word": _("a word instead of a number"),
    "illegible": _("something I cannot read"),
    "absent": _("not in the picture"),
}
PROBLEMS = {
    "wrong_station": _("It is from another station, or of another vote"),
    "not_a_protocol": _("It is not a protocol"),
    "illegible": _("I cannot read it"),
    "page_missing": _("This page is not in the picture"),
    "duplicate": _("It is the same paper again"),
}
KINDS = {
    "wall_copy": _("From the station's wall or door"),
    "agents_copy": _("Given to an observer or a party's agent"),
    "authoritys_scan": _("The authority's own scan"),
    "tally_board": _("A board on which votes were tallied"),
    "other": _("Another paper"),
}
REASONS = {
    "read_again": _("I read it on the photo"),
    "cannot_be_settled": _("The photo cannot settle it"),
    "better_photo": _("Another photo shows it better"),
    "later_copy": _("Another copy is later"),
    "signed_copy": _("Another copy is signed"),
    "wrong_station": _("It is from another station"),
    "not_a_protocol": _("It is not a protocol"),
    "duplicate": _("It is the same paper again"),
    "forged": _("It was made up"),
}


def desk() -> Desk:
    """What work on copies needs now."""
    return desk_of(server())
