"""Settings of the tests: the product's own, with keys that exist in memory only."""

import os

os.environ["GARRISON_ENV"] = "test"

from controlplane.databases import database_from_url
from controlplane.settings import *  # noqa: F403

ON_POSTGRES = os.environ.get("TEST_DATABASE") == "postgres"
# Where the database really is, `tests.database` fills in for each process of the run.
DATABASES = {"default": database_from_url("postgres://app@localhost/garrison" if ON_POSTGRES else "sqlite://:memory:")}
if not ON_POSTGRES:
    # Durability is worth nothing here: the file ends with the run.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
# What is tested is who gets in, not how slow a guess is.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Looked up as they are asked for, because every test client would otherwise read all of them first.
WHITENOISE_AUTOREFRESH = True
