"""Addresses of this part."""

from __future__ import annotations

from django.urls import URLPattern, path

from counterfoil.web.sending import views

urlpatterns: list[URLPattern] = [
    path("", views.start, name="send"),
    path("area/", views.area, name="send_areas"),
    path("area/<str:area>/", views.area, name="send_area"),
    path("to/<str:station>/", views.station, name="send_station"),
]
