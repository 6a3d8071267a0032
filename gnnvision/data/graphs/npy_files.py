"""Arrays in `.npy` files that are written row by row, and mapped into memory to be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.errors import invalid_file

__all__ = ["GrowingArray", "map_array"]

HEADER = 128  # bytes before the rows; numpy asks for a multiple of 64
_MAGIC = b"\x93NUMPY\x01\x00"
_ADVICE = "Copy or build the folder again."


class GrowingArray:
    """A `.npy` file whose rows are appended; `sync` writes the header with their number.

    Args:
        path: The file.
        dtype: Of the values.
        tail: The shape of one row.
        rows: The rows that an earlier process has written; what follows them is cut off.

    Example:
        >>> import tempfile
        >>> array = GrowingArray(Path(tempfile.mkdtemp(), "x.npy"), np.dtype("<f4"), (2,))
        >>> array.append(np.ones((3, 2)))
        >>> array.close()
        >>> np.load(array.path).shape
        (3, 2)
    """

    def __init__(
        self, path: Path, dtype: np.dtype[Any], tail: tuple[int, ...] = (), rows: int = 0
    ) -> None:
        self.path, self.tail, self.rows = path, tail, rows
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.row_bytes = self.dtype.itemsize * int(np.prod(tail, dtype=np.int64))
        self.file = path.open("r+b" if path.exists() else "w+b")
        size = HEADER + rows * self.row_bytes
        if rows and path.stat().st_size < size:
            self.file.close()
            got, advice = "fewer", "Delete the folder, and build it again."
            raise invalid_file(repr(str(path)), f"have the {rows:,} rows written", got, advice)
        self.file.truncate(size)
        self.file.seek(0, os.SEEK_END)

    def append(self, values: NDArray[Any]) -> None:
        """Write rows at the end."""
        kept = np.ascontiguousarray(values, self.dtype)
        self.file.write(kept.data if kept.size else b"")
        self.rows += len(kept)

    def sync(self) -> None:
        """Bring all rows and a header to the disk, so that they survive this process."""
        shape = (self.rows, *self.tail)
        text = f"{{'descr': '{self.dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
        space = HEADER - len(_MAGIC) - 2
        head = _MAGIC + space.to_bytes(2, "little") + text.ljust(space - 1).encode() + b"\n"
        self.file.seek(0)
        self.file.write(head)
        self.file.seek(0, os.SEEK_END)
        os.fsync(self.file.fileno())

    def close(self) -> None:
        """Bring all to the disk, and close the file."""
        self.sync()
        self.file.close()


def map_array(
    path: Path, dtype: str | None = None, shape: tuple[int, ...] | None = None
) -> NDArray[Any]:
    """The array of a `.npy` file, mapped into memory: a row is read when somebody asks for it.

    Writing to the array changes the memory of this process, never the file. Python objects are
    never read.

    Args:
        path: The file.
        dtype: The type that it must have, such as "<i4"; None for any numbers.
        shape: The shape that it must have; None for any.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or cut off, or has another type or shape.
    """
    name = repr(str(path))
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            found, columns_first, held = read(file)
            start = file.tell()
    except FileNotFoundError:
        raise
    except Exception as error:  # numpy parses the header as Python, and raises many types
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise invalid_file(name, "be a .npy file", f"an error: {got}", _ADVICE) from None
    if held.hasobject or held.kind not in "biuf":
        raise invalid_file(name, "have numbers", f"values of type {held}", _ADVICE)
    if dtype is not None and held != np.dtype(dtype):
        raise invalid_file(name, f"have values of type {np.dtype(dtype)}", held, _ADVICE)
    if shape is not None and found != shape:
        raise invalid_file(name, f"have shape {shape}", found, _ADVICE)
    if columns_first and len(found) > 1:
        raise invalid_file(name, "have its rows one after another", "columns", _ADVICE)
    if any(not isinstance(size, int) or size < 0 for size in found):
        raise invalid_file(name, "have a shape of sizes from 0", found, _ADVICE)
    size = held.itemsize
    for length in found:  # of any size in Python
        size *= length
    there = path.stat().st_size - start
    if there != size:
        raise invalid_file(name, f"have {size:,} bytes of values", f"{there:,}", _ADVICE)
    if not size:  # which cannot be mapped
        return np.zeros(found, held)
    return np.memmap(path, held, "c", start, found)
