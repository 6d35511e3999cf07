"""The product's own settings, with a rate that no sample reaches: counting is measured, refusals are not."""

from controlplane.settings import *  # noqa: F403

API_REQUESTS_PER_MINUTE = 1_000_000_000
