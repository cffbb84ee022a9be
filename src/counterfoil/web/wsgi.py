"""The WSGI application: server pages from Django, everything else from the publication's folder.

Whoever reads the publication never touches Django or the database.
"""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
