"""Arrays in one file of the cache, read so that no damage goes unseen."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["unpack_arrays"]


def unpack_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays that `numpy.savez` stored, each compared with its checksum as a whole.

    numpy's own reader takes as many bytes as an array's header says: where that is damaged and
    says fewer, the checksum is never looked at.

    Args:
        data: the file.

    Raises:
        ValueError: if anything in it is damaged, or it holds objects, which are not unpickled.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for member in archive.infolist():
                content = BytesIO(archive.read(member))  # which compares the checksum
                array = np.lib.format.read_array(content, allow_pickle=False)
                if content.read(1):
                    raise ValueError(f"{member.filename} is longer than its array")
                arrays[member.filename.removesuffix(".npy")] = array
    except Exception as error:  # zipfile, zlib, numpy and Python's parser each have their own
        raise ValueError(f"The npz archive cannot be read: {error}") from error
    return arrays
