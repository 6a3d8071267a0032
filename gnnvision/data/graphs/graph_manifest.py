"""The file graph.json of a graph on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["FORMAT", "MANIFEST", "VERSION", "file_hash"]

MANIFEST = "graph.json"
FORMAT, VERSION = "gnnvision-graph", 1


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
