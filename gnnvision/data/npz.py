"""Reading of npz files with verified checksums."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["unpack_arrays"]

MOST_BYTES = 1 << 30  # of the arrays of a file that is much smaller
MOST_RATIO = 100


def unpack_arrays(data: bytes, skip_objects: bool = False) -> dict[str, NDArray[Any]]:
    """The arrays in a file of `numpy.savez`, each verified against its checksum.

    numpy's reader reads as many bytes as the header of an array states. If the header is
    damaged and states fewer, it does not verify the checksum.

    Args:
        data: The content of the file.
        skip_objects: Whether object arrays, which are not unpickled, are left out.

    Raises:
        ValueError: The file is damaged, unpacks to more than 1 GiB and a hundred times its size,
            or has object arrays that are not left out.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > max(MOST_BYTES, MOST_RATIO * len(data)):  # a bomb
                raise ValueError(f"it unpacks from {len(data):,} to {total:,} bytes")
            for member in archive.infolist():
                content = BytesIO(archive.read(member))  # verifies the checksum
                if skip_objects and _has_objects(content):
                    continue
                array = np.lib.format.read_array(content, allow_pickle=False)
                if content.read(1):
                    raise ValueError(f"{member.filename} is longer than its array")
                arrays[member.filename.removesuffix(".npy")] = array
    except Exception as error:  # zipfile, zlib and numpy raise many types
        raise ValueError(f"The npz archive cannot be read: {error}") from error
    return arrays


def _has_objects(content: BytesIO) -> bool:
    """Whether the header of an array states Python objects; the position stays at the start."""
    version = np.lib.format.read_magic(content)
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    dtype = read(content)[2]
    content.seek(0)
    return bool(dtype.hasobject)
