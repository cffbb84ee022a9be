"""Addresses of this part."""

from __future__ import annotations

from django.urls import URLPattern, path

from counterfoil.web.organise import branches, decisions, handover, imports, lists, notices, packs, releases

urlpatterns: list[URLPattern] = [
    path("", lists.home, name="organise"),
    path("proposals/", decisions.all_proposals, name="organise_proposals"),
    path("proposals/<uuid:key>/", decisions.proposal, name="organise_proposal"),
    path("proposals/<uuid:key>/picture", decisions.masked_picture, name="organise_masked"),
    path("audit/", decisions.audit_log, name="organise_audit"),
    path("settings/", decisions.settings, name="organise_settings"),
    path("set-up/", imports.set_up, name="organise_set_up"),
    path("import/", imports.upload, name="organise_import"),
    path("snapshots/", imports.snapshots, name="organise_snapshots"),
    path("notices/", notices.notices, name="organise_notices"),
    path("freeze/", notices.freeze, name="organise_freeze"),
    path("phase/", notices.phase, name="organise_phase"),
    path("disputes/", notices.disputes, name="organise_disputes"),
    path("disputes/<uuid:key>/", notices.dispute, name="organise_dispute"),
    path("copies/", releases.copies, name="organise_copies"),
    path("copies/<str:copy>/", releases.copy_page, name="organise_copy"),
    path("copies/<str:copy>/picture", releases.picture, name="organise_picture"),
    path("copies/<str:copy>/purge", releases.purge, name="organise_purge"),
    path("form-masks/", releases.form_masks, name="organise_form_masks"),
    path("withdraw/", releases.withdraw, name="organise_withdraw"),
    path("exclude/", releases.exclude, name="organise_exclude"),
    path("missing/", lists.missing, name="organise_missing"),
    path("ageing/", lists.ageing, name="organise_ageing"),
    path("told/", lists.told, name="organise_told"),
    path("look-alikes/", lists.look_alikes, name="organise_look_alikes"),
    path("readers/", lists.readers, name="organise_readers"),
    path("readers/<uuid:key>/invalidate", lists.invalidate, name="organise_invalidate"),
    path("branches/", branches.branches, name="organise_branches"),
    path("branches/<uuid:key>/codes", branches.codes, name="organise_branch_codes"),
    path("branches/<uuid:key>/revoke", branches.revoke, name="organise_branch_revoke"),
    path("handover/", handover.handover, name="organise_handover"),
    path("handover/end", handover.end, name="organise_end"),
    path("handover/parts", handover.parts, name="organise_parts"),
    path("handover/bundle", handover.bundle, name="organise_bundle"),
    path("readers/<uuid:key>/stage", lists.order, name="organise_stage"),
    path("roles/", lists.roles, name="organise_roles"),
    path("packs/", packs.packs, name="organise_packs"),
    path("packs/pdf", packs.pack, name="organise_pack"),
]
