"""Names in docstrings become links: to this reference, to torch, to torch-geometric and so on."""

from __future__ import annotations

from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> None:
    """Connect the handlers."""
