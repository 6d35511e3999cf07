"""Django's settings, made from the environment that `controlplane.environment` read and validated.

Parts: this file (apps, requests, storage), `sign_in` (people), `security` (headers, cookies, CSP), `api` (REST),
`tasks` (Celery), `mail` and `logs`.
"""

from pathlib import Path

from controlplane.databases import database_from_url
from controlplane.environment import environment

ENVIRONMENT = environment()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
GARRISON_ENV = ENVIRONMENT.kind
BASE_URL = ENVIRONMENT.base_url
SECRET_KEY = ENVIRONMENT.secret_key
DATA_DIR = ENVIRONMENT.data_dir
LOOPBACK_ORIGINS = ENVIRONMENT.loopback_origins
BRAND = "Garrison"
DEBUG = False

# Rooms by dotted name, left to right: a room imports only from rooms left of it.
ROOMS = ["organizations", "billing", "tenants", "fleet"]

INSTALLED_APPS = [
    "controlplane",
    *ROOMS,
    "organizations.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
]

MIDDLEWARE = [
    "controlplane.requests.RequestLog",
    "controlplane.health.HealthDoors",
    "controlplane.hosts.StrictHost",
    "django.middleware.security.SecurityMiddleware",
    "controlplane.csp.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "controlplane.hygiene.RefuseMalformedInput",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "controlplane.transactions.ActorTransaction",
    "organizations.sso.middleware.ProvenEntryMiddleware",
]

ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.appearance.context",
            ],
        },
    },
]

DATABASES = {"default": database_from_url(ENVIRONMENT.database_url)}
if ENVIRONMENT.owner_database_url:
    # Migrations run as the owner of the tables; everything else as `app` or `worker`, which row-level security binds.
    DATABASES["owner"] = database_from_url(ENVIRONMENT.owner_database_url)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": (
        {"BACKEND": "controlplane.cache.ForgivingRedisCache", "LOCATION": ENVIRONMENT.redis_url}
        if ENVIRONMENT.redis_url
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static" if ENVIRONMENT.is_production else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if ENVIRONMENT.is_production
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
# Locally the files come straight from the rooms' folders, so that no collecting step comes before the first start.
WHITENOISE_USE_FINDERS = not ENVIRONMENT.is_production
WHITENOISE_AUTOREFRESH = False

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

from controlplane.settings.api import *  # noqa: E402, F403
from controlplane.settings.logs import *  # noqa: E402, F403
from controlplane.settings.mail import *  # noqa: E402, F403
from controlplane.settings.security import *  # noqa: E402, F403
from controlplane.settings.sign_in import *  # noqa: E402, F403
from controlplane.settings.tasks import *  # noqa: E402, F403
