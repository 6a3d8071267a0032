"""The data root, the cache, and the folder of cards and embedded datasets."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from gnnvision.data.paths import expand_user
from gnnvision.errors import invalid

__all__ = [
    "Root",
    "cache_folder",
    "checkout_folder",
    "data_root",
    "datasets_folder",
    "is_writable",
]

Root = str | os.PathLike[str] | None
_PACKAGE = Path(__file__).resolve().parent.parent


def checkout_folder() -> Path | None:
    """The root of the source checkout this package runs from, or None if installed."""
    root = _PACKAGE.parent
    # In site-packages a folder `datasets` may belong to another project.
    is_checkout = (root / "pyproject.toml").is_file() and (root / "datasets" / "cards").is_dir()
    return root if is_checkout else None


def datasets_folder() -> Path:
    """The folder with `cards/` and `embedded/`, in the checkout or else in the installed wheel."""
    root = checkout_folder()
    if root is not None:
        return root / "datasets"
    return Path(str(resources.files("gnnvision") / "_datasets"))


def cache_folder() -> Path | None:
    """The user's cache: `$GNNVISION_CACHE`, else `$XDG_CACHE_HOME` or `~/.cache`, `/gnnvision`.

    Returns:
        The folder, which may not exist yet; None for an account without a home folder.
    """
    chosen = os.environ.get("GNNVISION_CACHE")
    if chosen:
        return expand_user(chosen, "GNNVISION_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():  # the XDG standard says to ignore a relative path
        return Path(base) / "gnnvision"
    try:
        return Path.home() / ".cache" / "gnnvision"
    except RuntimeError:
        return None


def data_root(root: Root = None) -> Path:
    """The folder in which datasets are searched and into which they are downloaded.

    This is the first of `root`, `$GNNVISION_DATA`, `datasets/cache` of the source checkout, and
    the user's cache folder. `root` and `$GNNVISION_DATA` must exist, so that a typo does not
    start a download.

    Args:
        root: A folder, or None for the order above.

    Raises:
        ValueError: `root` or `$GNNVISION_DATA` is not a folder, or no folder can be found.
    """
    named = [("'root'", root), ("$GNNVISION_DATA", os.environ.get("GNNVISION_DATA"))]
    for label, value in named:
        if value is not None and os.fspath(value) != "":
            path = expand_user(value, label.strip("'$"))
            if not path.is_dir():
                raise ValueError(
                    f"{label} must be a folder that exists, got {os.fspath(value)!r}. "
                    f"Create it, or omit {label} to use the default folder."
                )
            return path
    checkout = checkout_folder()
    if checkout is not None:
        return checkout / "datasets" / "cache"
    cache = cache_folder()
    if cache is None:
        advice = "Set $GNNVISION_DATA or pass root=."
        raise invalid("root", "be given if there is no home folder", None, advice)
    return cache


def is_writable(folder: Path) -> bool:
    """Whether files can be created in `folder`, or in its closest parent that exists.

    Permission bits also count for the superuser, so a folder marked read-only stays unchanged.
    """
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return False
    return bool(nearest.stat().st_mode & 0o222) and os.access(nearest, os.W_OK | os.X_OK)
