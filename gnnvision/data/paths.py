"""Helping with a path that leads nowhere."""

from __future__ import annotations

import difflib
from pathlib import Path

__all__ = ["nearest_names"]


def nearest_names(path: Path) -> str:
    """What of `path` there is, and what there has a similar name: one sentence or two."""
    missing, folder = path, path.parent
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder, folder.parent
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    near = difflib.get_close_matches(missing.name, names, n=3, cutoff=0.5)
    if near:
        return f"In {str(folder)!r} there is {', '.join(map(repr, near))}. Did you mean that?"
    shown = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
    return f"In {str(folder)!r} there is {shown or 'nothing'}. Check the spelling."
