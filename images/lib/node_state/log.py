"""One line of JSON to the container's log; never what a file holds."""

import json
import os
import sys


def say(message: str, level: str = "info") -> None:
    line = {"node": os.environ.get("NODE_NAME", "unnamed"), "level": level, "message": message}
    print(json.dumps(line), file=sys.stderr, flush=True)
