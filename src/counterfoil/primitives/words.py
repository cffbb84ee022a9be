"""The fixed lists of words that files and entries may use: problems, actions, reasons. A list that is part of the
product lets people count what went wrong; a word is added to one, never taken out or given another meaning."""

TABLE_KINDS = ("areas", "stations", "readings", "official", "reports")
PROBLEMS = ("not_a_protocol", "wrong_station", "illegible", "page_missing", "duplicate")
DECISION_ACTIONS = ("settle_fields", "choose_copy", "exclude_copy", "exclude_station")
"""settle_fields: `values` are what copy `copy` says. choose_copy: the station rests on `copy` alone. exclude_copy:
`copy` does not count. exclude_station: the station stays out of the tally of this contest."""
DECISION_REASONS = (
    "read_again",
    "better_photo",
    "later_copy",
    "signed_copy",
    "wrong_station",
    "not_a_protocol",
    "duplicate",
    "forged",
    "station_merged",
    "cannot_be_settled",
)
WITHDRAWAL_REASONS = (
    "sender_asked",
    "endangers_somebody",
    "entered_by_mistake",
    "reader_withdrawn",
    "replaced",
    "forged",
)
NOTICE_KINDS = ("announced", "corrected", "froze", "stopped", "explained")
VERIFIED_HOW = ("photo_of_ballot", "signed_statement", "in_person")
