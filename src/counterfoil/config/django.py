"""Django's settings, made from ours (`config.settings`). The folder comes from COUNTERFOIL_FOLDER.

What the threat model asks of Django stands here, each line with its reason. What the web layer adds:
`web/middleware.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from counterfoil.config.secrets import secret
from counterfoil.config.settings import Settings, load_settings

if "COUNTERFOIL_FOLDER" not in os.environ:
    raise RuntimeError("COUNTERFOIL_FOLDER: expected the election's folder, found none; start by `counterfoil serve`")
COUNTERFOIL: Settings = load_settings(Path(os.environ["COUNTERFOIL_FOLDER"]))

DEBUG = False
SECRET_KEY = secret(COUNTERFOIL.keys, "django.key")
ALLOWED_HOSTS = [*COUNTERFOIL.hosts, *(("127.0.0.1",) if not COUNTERFOIL.https else ())]
ROOT_URLCONF = "counterfoil.web.urls"
WSGI_APPLICATION = "counterfoil.web.wsgi.application"
AUTH_USER_MODEL = "storage.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
ADMINS: list[str] = []  # AdminEmailHandler would mail addresses, cookies and what was sent

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "counterfoil.web",  # before allauth: every page that it shows is one of ours
    "counterfoil.storage",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_tasks",
    "django_tasks_db",
]
MIDDLEWARE = [
    "counterfoil.web.middleware.ForgetTheSender",  # first: nothing later can store what is not there
    "counterfoil.web.middleware.Headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "counterfoil.web.middleware.ChosenLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "counterfoil.web.middleware.AskAgain",
    "counterfoil.web.permissions.DefaultDeny",
    "django.contrib.messages.middleware.MessageMiddleware",
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "counterfoil.web.context.server",
            ],
            "builtins": ["counterfoil.web.filters"],
        },
    }
]


def _databases(settings: Settings) -> dict[str, dict[str, Any]]:
    if not settings.database:
        settings.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = settings.private / "work.sqlite3"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # SQLite would make it readable for all
        return {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": path,
                "OPTIONS": {
                    # A write lock is taken at once, so that two writers wait instead of failing.
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 30,
                    # What was acknowledged survives loss of power; what was deleted is overwritten.
                    "init_command": (
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
                        "PRAGMA temp_store=MEMORY;"
                    ),
                },
            }
        }
    parts = urlsplit(settings.database)
    password = settings.keys / "database.password"
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": password.read_text("utf-8").strip() if password.exists() else "",
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    }


DATABASES = _databases(COUNTERFOIL)
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Uploads stay in memory: the default handler writes the original to the temporary folder.
FILE_UPLOAD_HANDLERS = ["counterfoil.web.uploads.MemoryOnly"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 65_536
DATA_UPLOAD_MAX_NUMBER_FIELDS = 400  # a reading screen has a field per box of the form
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# Cookies: only staff has any.
_SECURE = COUNTERFOIL.https
SESSION_ENGINE = "counterfoil.storage.sessions"
SESSION_COOKIE_NAME = "__Host-session" if _SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _SECURE else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "counterfoil.web.errors.expired"
SESSION_COOKIE_AGE = 2 * 3600  # idle; `web.permissions` writes a session in use again every quarter of an hour
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_SAVE_EVERY_REQUEST = False
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if COUNTERFOIL.behind_proxy else None
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _SECURE
SECURE_SSL_REDIRECT = False  # an onion service has no TLS; the proxy redirects the clear site
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # which asks for that redirect
SECURE_REFERRER_POLICY = "same-origin"  # no-referrer makes browsers send Origin: null, which Django refuses
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "img-src": ["'self'", "blob:"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# Accounts: a name, a passkey or password with TOTP; no mail, no address.
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "work"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "counterfoil.web.accounts.adapter.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGOUT_ON_GET = False
# By name ("key"), and for everybody together (allauth says "ip", and every sender has the same): a budget that keeps
# the processor free, since each try of a password costs 50 ms. Passkeys can't be guessed and have a budget of their
# own, so that nobody can lock all out by trying passwords.
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "120/m/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
MFA_RATE_LIMITS = {"webauthn_login": "1200/m/ip"}
MFA_ADAPTER = "counterfoil.web.accounts.adapter.Keys"
MFA_FORMS = {
    "authenticate": "counterfoil.web.accounts.forms.CodeForm",
    "reauthenticate": "counterfoil.web.accounts.forms.CodeAgainForm",
    "add_webauthn": "counterfoil.web.accounts.forms.PasskeyForm",
}
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _SECURE  # http://localhost
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TRUST_ENABLED = False
MFA_TOTP_TOLERANCE = 1  # telephones' clocks differ; each code is still good once (`web.accounts.forms`)
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RECOVERY_CODE_DIGITS = 10
MFA_TOTP_ISSUER = "Counterfoil"

# Languages: chosen by a link, kept in the address; nothing is remembered for senders.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("be", "Беларуская"), ("ru", "Русский"), ("es", "Español"), ("ar", "العربية")]
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(__file__).parent.parent / "web" / "static"  # served as it is (`web.wsgi`)
CACHES = {  # budgets of log-in and used one-time codes: one process keeps them in memory, several share a table
    "default": {
        "BACKEND": "django.core.cache.backends."
        + ("db.DatabaseCache" if COUNTERFOIL.database else "locmem.LocMemCache"),
        "LOCATION": "cache",
        # Beyond it Django drops some: many more than the budget of log-in lets anybody make, so none of it is lost.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

LOGGING: dict[str, Any] = {  # messages without requests: no address, no path of a sender, no values of variables
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "out": {"class": "logging.StreamHandler", "formatter": "plain"},
        "none": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["out"], "level": "WARNING"},
    "loggers": {
        "counterfoil": {"handlers": ["out"], "level": "INFO", "propagate": False},
        "django.request": {"handlers": ["none"], "propagate": False},
        "django.security": {"handlers": ["none"], "propagate": False},
        "django.server": {"handlers": ["none"], "propagate": False},
    },
}
