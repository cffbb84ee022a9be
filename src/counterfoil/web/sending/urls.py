"""Addresses of this part."""

from __future__ import annotations

from django.urls import URLPattern, path

from counterfoil.web.sending import app_views, receipt_views, report_views, staff, tus, views

urlpatterns: list[URLPattern] = [
    path("", views.start, name="send"),
    path("area/", views.area, name="send_areas"),
    path("area/<str:area>/", views.area, name="send_area"),
    path("to/<str:station>/", views.station, name="send_station"),
    path("receipt/", receipt_views.receipt, name="send_receipt"),
    path("dispute/<str:station>/", report_views.dispute, name="send_dispute"),
    path("figures/<str:station>/", report_views.figures, name="send_figures"),
    path("told/<str:station>/", report_views.told_figures, name="send_told_figures"),
    path("wishes/", staff.wishes, name="send_wishes"),
    path("queue/", app_views.queue, name="send_queue"),
    path("sw.js", app_views.worker, name="send_worker"),
    path("manifest.webmanifest", app_views.manifest, name="send_manifest"),
    path("tus/", tus.uploads, name="send_tus"),
    path("tus/<str:key>", tus.upload, name="send_tus_upload"),
    path("bulk/", staff.bulk, name="send_bulk"),
]
