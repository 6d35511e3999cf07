"""Settings of the tests: the product's own, with keys that exist in memory only."""

import os

os.environ["GARRISON_ENV"] = "test"

from controlplane.settings import *  # noqa: F403
