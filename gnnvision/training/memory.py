"""A setting of the C library for training, which allocates the same large blocks repeatedly."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_memory"]

# From malloc.h of the GNU C library.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_memory() -> bool:
    """Make the C library keep freed memory instead of returning it to the system.

    By default it returns every block above 32 MiB immediately, and the system clears each page
    when it is allocated again, which takes a tenth of the training time on images. The process
    keeps its peak memory until it ends.

    Returns:
        Whether the C library has this setting: glibc on Linux.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 1 << 26))
    return all(mallopt(name, value) for name, value in settings)
