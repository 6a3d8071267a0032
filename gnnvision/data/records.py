"""Inert records of the objects in a pickle, and the arrays that are built from them.

A record only stores how a pickle describes an object. The description is not passed to any
function of numpy or scipy before its numbers are checked against the available bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.errors import UnsafePickleError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = [
    "ArrayRecord",
    "ArrayType",
    "BufferRecord",
    "CsrRecord",
    "DtypeRecord",
    "Record",
    "ScalarRecord",
    "resolve",
]

_MAX_DEPTH = 32
_MAX_COLUMNS = 2**31 - 1
_DTYPES = frozenset(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)) | {
    *("b1", "f2", "f4", "f8")
}


class Record:
    """The description of an object in a pickle: arguments of the constructor and the state."""

    __slots__ = ("args", "state")

    def __init__(self, *args: object) -> None:
        self.args = args
        self.state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class ArrayRecord(Record):
    """A numpy array; its state is (version, shape, dtype, Fortran order, bytes)."""

    __slots__ = ()


class BufferRecord(Record):
    """A numpy array in pickle protocol 5; its arguments are (bytes, dtype, shape, order)."""

    __slots__ = ()


class ArrayType(Record):
    """The class numpy.ndarray, which occurs only as an argument."""

    __slots__ = ()


class DtypeRecord(Record):
    """A numpy dtype; its first argument is a code such as "f4"."""

    __slots__ = ()


class ScalarRecord(Record):
    """A numpy scalar; its arguments are (dtype, bytes)."""

    __slots__ = ()


class CsrRecord(Record):
    """A scipy csr matrix; its state is a dict of arrays and the shape."""

    __slots__ = ()


def resolve(value: Any, done: dict[int, Any], depth: int) -> Any:  # noqa: ANN401
    """Replace the records in `value` by arrays; a shared object is resolved once."""
    if isinstance(value, (int, float, str, bytes, type(None))):
        return value
    if isinstance(value, bytearray):
        raise UnsafePickleError(
            "The pickle has a bytearray outside an array, which plain data do not need. It was "
            "not executed; do not trust the file."
        )
    if id(value) in done:
        return done[id(value)]
    if depth > _MAX_DEPTH:
        raise ValueError(f"containers nested more than {_MAX_DEPTH} deep")
    result: Any
    if isinstance(value, dict):
        result = {
            resolve(key, done, depth + 1): resolve(item, done, depth + 1)
            for key, item in value.items()
        }
    elif isinstance(value, (list, tuple, set)):
        result = type(value)([resolve(item, done, depth + 1) for item in value])
    elif isinstance(value, ArrayRecord):
        _, shape, dtype, is_fortran, raw = value.state
        result = _array(shape, dtype, bool(is_fortran), raw)
    elif isinstance(value, BufferRecord):
        raw, dtype, shape, order = value.args
        result = _array(shape, dtype, order == "F", raw)
    elif isinstance(value, ScalarRecord):
        dtype, raw = value.args
        result = np.frombuffer(_raw(raw), _dtype(dtype), count=1)[0].item()
    elif isinstance(value, CsrRecord):
        result = _csr(resolve(value.state, done, depth + 1))
    else:
        raise ValueError(f"a {type(value).__name__} on its own")
    done[id(value)] = result
    return result


def _array(shape: object, dtype: object, is_fortran: bool, raw: object) -> NDArray[Any]:
    kind, data = _dtype(dtype), _raw(raw)
    # An invalid shape is not printed: nested lists could expand to 2^50 items.
    if not isinstance(shape, tuple) or len(shape) > _MAX_DEPTH:
        raise ValueError("an array without a shape")
    size = kind.itemsize
    for length in shape:
        if type(length) is not int or length < 0:
            raise ValueError("an array with an invalid shape")
        size *= length
    if size != len(data):
        raise ValueError(f"array of shape {shape} and type {kind} in {len(data)} bytes")
    array = np.frombuffer(data, kind).reshape(shape, order="F" if is_fortran else "C")
    return array.astype(kind.newbyteorder("="))


def _dtype(record: object) -> np.dtype[Any]:
    code = record.args[0] if isinstance(record, DtypeRecord) and record.args else None
    if not isinstance(record, DtypeRecord) or not isinstance(code, str) or code not in _DTYPES:
        shown = code if isinstance(code, str) else type(record).__name__
        raise ValueError(f"arrays of type {shown[:40]}")
    order: Any = record.state[1] if record.state is not None else "="
    return np.dtype(str(record.args[0])).newbyteorder(order)


def _raw(value: object) -> bytes:
    """The bytes of an array; Python 2 stores them as a string, which is read as latin-1."""
    if isinstance(value, str):
        return value.encode("latin1")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise ValueError(f"array content of type {type(value).__name__}")


def _csr(state: dict[str, Any]) -> csr_matrix:
    from scipy.sparse import csr_matrix

    values, indices, indptr = (state[name] for name in ("data", "indices", "indptr"))
    num_rows, num_columns = state["_shape"] if "_shape" in state else state["shape"]
    if not all(isinstance(array, np.ndarray) for array in (values, indices, indptr)):
        raise ValueError("csr matrix without arrays")
    if type(num_rows) is not int or type(num_columns) is not int:
        raise ValueError("csr matrix without a shape")
    if not (
        (values.ndim, indices.ndim, indptr.ndim) == (1, 1, 1)
        and indices.dtype.kind == indptr.dtype.kind == "i"
        and num_columns <= _MAX_COLUMNS
        and len(values) == len(indices)
        and len(indptr) == num_rows + 1
        and indptr[0] == 0
        and indptr[-1] == len(values)
        and bool((np.diff(indptr) >= 0).all())
        and (len(indices) == 0 or (0 <= indices.min() and indices.max() < num_columns))
    ):
        raise ValueError(f"csr matrix of shape ({num_rows}, {num_columns}) has invalid arrays")
    return csr_matrix((values, indices, indptr), shape=(num_rows, num_columns))
