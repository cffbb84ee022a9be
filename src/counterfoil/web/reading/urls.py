"""Addresses of this part."""

from __future__ import annotations

from django.urls import URLPattern, path

from counterfoil.web.reading import views

urlpatterns: list[URLPattern] = [
    path("next", views.next_task, name="work_next"),
    path("undo", views.undo, name="work_undo"),
    path("task/<uuid:key>/", views.task, name="work_task"),
    path("task/<uuid:key>/photo", views.photo, name="work_photo"),
    path("task/<uuid:key>/photo/<int:number>", views.photo, name="work_photo_of"),
    path("task/<uuid:key>/field/<str:field>", views.crop, name="work_crop"),
    path("task/<uuid:key>/draft", views.draft, name="work_draft"),
    path("task/<uuid:key>/back", views.back, name="work_back"),
]
