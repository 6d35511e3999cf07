"""`repository.internal` as the stand-in indexer meets it, kept in memory: what `worker/src/gates/repository.ts` answers."""

import re
from urllib.parse import parse_qs, urlsplit

from tests.local.edge_side import EdgeSide
