"""A restricted unpickler for arrays from untrusted files.

A pickle is a program that can call any function. Here every operation is checked before the
first one is executed, only the names below are allowed, and these create inert records instead
of numpy or scipy objects. Arrays are built from the records (`gnnvision.data.records`) after the
program has ended.
"""

from __future__ import annotations

import pickle
import pickletools
from collections import defaultdict
from collections.abc import Callable
from io import BytesIO
from typing import Any

from gnnvision.data.errors import UnsafePickleError
from gnnvision.data.pickle_costs import KeyCosts
from gnnvision.data.records import (
    ArrayRecord,
    ArrayType,
    BufferRecord,
    CsrRecord,
    DtypeRecord,
    Record,
    ScalarRecord,
    resolve,
)

__all__ = ["safe_loads"]

_MAX_LARGE_INTEGERS = 1000

_OPCODES = frozenset(
    "PROTO FRAME STOP MARK POP POP_MARK DUP MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET "
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 "
    "EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS "
    "GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD".split()
)


class _Function:
    """A function that a pickle may call; a pickle cannot change its state."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: object) -> Any:  # noqa: ANN401 - the type of each function
        try:
            return self._call(*args)
        except (TypeError, ValueError) as error:
            raise UnsafePickleError(
                "The pickle calls a function with arguments that plain arrays do not need "
                f"({error}). It was not executed; do not trust the file."
            ) from error

    def __setstate__(self, state: object) -> None:
        raise ValueError("a function with a state")


def _encode(text: object, encoding: object) -> bytes:
    """`codecs.encode` for latin1, the one encoding with which old protocols store bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("text that is not latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """`bytes()` without arguments, for empty bytes in old protocols."""
    return b""


def _integer(value: object = 0) -> int:
    """`int` of a number or of a short text; long texts take long to parse."""
    if not isinstance(value, int) and not (isinstance(value, str) and len(value) <= 20):
        raise ValueError(f"an integer from a {type(value).__name__}")
    return int(value)


def _reconstruct(kind: object, base: object, state: object) -> Record:
    """`copyreg._reconstructor`, with which the oldest protocols store objects."""
    if not (isinstance(kind, type) and issubclass(kind, Record) and base is _OBJECT):
        raise ValueError("an object that is not an array")
    return kind()


_OBJECT = _Function(object)  # the base class of such objects
_PLAIN: dict[str, Callable[..., Any]] = {
    "list": list,
    "dict": dict,
    "set": set,
    "int": _Function(_integer),
    "long": _Function(_integer),
    "bytes": _Function(_no_bytes),
    "object": _OBJECT,
}
_Constructor = Callable[..., Any]
_GLOBALS: dict[tuple[str, str], _Constructor] = {
    ("collections", "defaultdict"): defaultdict,
    ("numpy", "ndarray"): ArrayType,
    ("numpy", "dtype"): DtypeRecord,
    ("_codecs", "encode"): _Function(_encode),
    ("copy_reg", "_reconstructor"): _Function(_reconstruct),
    ("copyreg", "_reconstructor"): _Function(_reconstruct),
}
for _module in ("builtins", "__builtin__"):
    _GLOBALS.update({(_module, _name): _type for _name, _type in _PLAIN.items()})
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):  # numpy 1, numpy 2
    _GLOBALS[_module, "_reconstruct"] = ArrayRecord
    _GLOBALS[_module, "scalar"] = ScalarRecord
for _module in ("numpy.core.numeric", "numpy._core.numeric"):
    _GLOBALS[_module, "_frombuffer"] = BufferRecord
for _module in ("scipy.sparse.csr", "scipy.sparse._csr"):  # before and since scipy 1.8
    _GLOBALS[_module, "csr_matrix"] = CsrRecord


def safe_loads(data: bytes) -> Any:  # noqa: ANN401 - the content of a pickle
    """The content of a pickle of arrays, csr matrices and plain containers.

    Supported are dict, defaultdict, list, tuple, set, numbers and strings, numpy arrays and
    scalars of numbers or booleans, and `scipy.sparse.csr_matrix`, as written by Python 2 or 3,
    numpy 1 or 2 and all versions of scipy, in the protocols 0 to 5. A defaultdict becomes a
    dict. Time and memory are linear in the size of the file: deeply nested tuples as keys, and
    many integers beyond 64 bits, are refused.

    Args:
        data: The pickle. Strings of Python 2 are read as latin-1.

    Raises:
        UnsafePickleError: The pickle uses anything else. Nothing was executed.
        ValueError: The pickle is damaged, or an array does not match its bytes.
    """
    _check_program(data)
    try:
        content = _Reader(BytesIO(data), encoding="latin1").load()
        return resolve(content, {}, 0)
    except UnsafePickleError:
        raise
    except Exception as error:
        raise ValueError(
            f"The pickle is damaged ({type(error).__name__}: {error}). Download the file again."
        ) from error


def _check_program(data: bytes) -> None:
    """Check every operation of the pickle `data` without executing any."""
    keys, large = KeyCosts(), 0
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise UnsafePickleError(
                    f"The pickle uses the operation {opcode.name}, which plain arrays do not "
                    "need. It was not executed; do not trust the file."
                )
            if opcode.name == "GLOBAL":
                _allowed_global(*str(argument).split(" ", 1))
            if isinstance(argument, int) and not -(2**63) <= argument < 2**64:
                large += 1  # as keys they may all have the same hash
                if large > _MAX_LARGE_INTEGERS:
                    raise ValueError(f"more than {_MAX_LARGE_INTEGERS} integers beyond 64 bits")
            # A memo of 2**31 entries would take 16 GB before the first object is created.
            if opcode.name.endswith("PUT") and not 0 <= int(argument or 0) <= len(data):
                raise ValueError(f"memo entry {argument} in {len(data)} bytes")
            keys.step(opcode, argument)
    except UnsafePickleError:
        raise
    except Exception as error:
        raise ValueError(
            f"The pickle is damaged ({type(error).__name__}: {error}). Download the file again."
        ) from error


def _allowed_global(module: str, name: str) -> _Constructor:
    """The replacement of a global name; an error if it is not allowed."""
    if (module, name) not in _GLOBALS:
        raise UnsafePickleError(
            f"The pickle uses {module}.{name}, which plain arrays do not need. It was not "
            "executed; do not trust the file."
        )
    return _GLOBALS[module, name]


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        return _allowed_global(module, name)

    def persistent_load(self, pid: object) -> object:
        raise UnsafePickleError(
            f"The pickle uses the external object {pid!r}, which plain arrays do not need. "
            "It was not executed; do not trust the file."
        )
