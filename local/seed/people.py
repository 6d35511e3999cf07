"""Those whom the local identity providers know."""

import json
from pathlib import Path

PEOPLE = [
    {"sub": "maria", "email": "maria@northgate.example", "name": "Maria Okafor"},
    {"sub": "tomasz", "email": "tomasz@northgate.example", "name": "Tomasz Brandt"},
    {"sub": "alice", "email": "alice@alder.example", "name": "Alice Alder"},
    {"sub": "bob", "email": "bob@baltic.example", "name": "Bob Lindqvist"},
    {"sub": "jonas", "email": "jonas@kestrel.example", "name": "Jonas Kestrel"},
    {"sub": "mallory", "email": "mallory@outside.example", "name": "Mallory Outside"},
]


def write(root: Path) -> Path:
    """Writes the file that both providers read and returns its path."""
    path = root / "people.json"
    path.write_text(json.dumps(PEOPLE, indent=2))
    return path
