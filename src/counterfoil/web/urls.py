"""Every address that the server answers; the publication is served beside it (`web.wsgi`).

A view without a line in `web.permissions.VIEWS` answers nobody, and the tests fail.
"""

from __future__ import annotations

from django.urls import include, path

from counterfoil.web import views

urlpatterns = [
    path("work/", views.work, name="work"),
    path("language/", views.language, name="language"),
    path("healthz", views.health, name="health"),
    path("send/", include("counterfoil.web.sending.urls")),
    path("work/", include("counterfoil.web.reading.urls")),
    path("organise/", include("counterfoil.web.organise.urls")),
    path("account/", include("counterfoil.web.accounts.urls")),
    path("api/", include("counterfoil.web.api.urls")),
]

handler400 = "counterfoil.web.errors.bad_request"
handler403 = "counterfoil.web.errors.forbidden"
handler404 = "counterfoil.web.errors.not_found"
handler500 = "counterfoil.web.errors.fault"
