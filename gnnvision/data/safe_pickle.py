"""Reading pickled arrays from elsewhere without running anything from elsewhere.

A pickle is a program: it names functions, and whoever wrote it chooses which. Here every
operation is looked at before the first one runs, only the names below are understood, and
even those do not stand for numpy or scipy but for inert records. Arrays are rebuilt from the
records (`gnnvision.data.records`) after the program has ended.
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

_MOST_LARGE = 1000

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
    """A function that a pickle may call, and nothing else: it cannot be changed by a state."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: object) -> Any:  # noqa: ANN401 - as each function has it
        try:
            return self._call(*args)
        except (TypeError, ValueError) as error:
            raise UnsafePickleError(
                f"The pickle calls a function as plain arrays do not ({error}). It was not run; "
                "do not trust the file."
            ) from error

    def __setstate__(self, state: object) -> None:
        raise ValueError("a state of a function")


def _encode(text: object, encoding: object) -> bytes:
    """`codecs.encode`, with which old protocols write bytes, for the one encoding they use."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("text in another encoding than latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """`bytes`, with which old protocols write none; of a length it would make any number."""
    return b""


def _integer(value: object = 0) -> int:
    """`int` of a number; other texts than short ones take long to read."""
    if not isinstance(value, int) and not (isinstance(value, str) and len(value) <= 20):
        raise ValueError(f"an integer of a {type(value).__name__}")
    return int(value)


def _reconstruct(kind: object, base: object, state: object) -> Record:
    """`copyreg._reconstructor`, with which the oldest protocols write objects."""
    if not (isinstance(kind, type) and issubclass(kind, Record) and base is _OBJECT):
        raise ValueError("an object of another kind than arrays are")
    return kind()


_OBJECT = _Function(object)  # what such objects are based on
_PLAIN: dict[str, Callable[..., Any]] = {
    "list": list,
    "dict": dict,
    "set": set,
    "int": _Function(_integer),
    "long": _Function(_integer),
    "bytes": _Function(_no_bytes),
    "object": _OBJECT,
}
_Made = Callable[..., Any]
_GLOBALS: dict[tuple[str, str], _Made] = {
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


def safe_loads(data: bytes) -> Any:  # noqa: ANN401 - a pickle holds whatever it holds
    """What a pickle of arrays, csr matrices and plain containers holds.

    Understood are dict, defaultdict, list, tuple, set, numbers and strings, numpy arrays and
    scalars of numbers or truth values, and `scipy.sparse.csr_matrix`, as Python 2 or 3,
    numpy 1 or 2 and scipy of any age wrote them, in each of the protocols 0 to 5. A defaultdict
    comes back as a dict. Neither time nor memory grows faster than the file: keys of many nested
    tuples, and more than a few integers beyond 64 bits, are refused.

    Args:
        data: The pickle. Strings of Python 2 are read as latin-1.

    Raises:
        UnsafePickleError: It names anything else. Nothing of it has run.
        ValueError: It is damaged, or an array in it does not fit its bytes.
    """
    _check_program(data)
    try:
        content = _Reader(BytesIO(data), encoding="latin1").load()
        return resolve(content, {}, 0)
    except UnsafePickleError:
        raise
    except Exception as error:
        raise ValueError(
            f"The pickle is damaged ({type(error).__name__}: {error}). Fetch the file again."
        ) from error


def _check_program(data: bytes) -> None:
    """Look at every operation of the pickle `data`, running none."""
    keys, large = KeyCosts(), 0
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise UnsafePickleError(
                    f"The pickle uses the operation {opcode.name}, which plain arrays do not "
                    "need. It was not run; do not trust the file."
                )
            if opcode.name == "GLOBAL":
                _allowed_global(*str(argument).split(" ", 1))
            if isinstance(argument, int) and not -(2**63) <= argument < 2**64:
                large += 1  # as keys they may all fall into one place
                if large > _MOST_LARGE:
                    raise ValueError(f"more than {_MOST_LARGE} integers beyond 64 bits")
            # A memo of 2**31 places would take 16 GB before the first object is made.
            if opcode.name.endswith("PUT") and not 0 <= int(argument or 0) <= len(data):
                raise ValueError(f"memo place {argument} in {len(data)} bytes")
            keys.step(opcode, argument)
    except UnsafePickleError:
        raise
    except Exception as error:
        raise ValueError(
            f"The pickle is damaged ({type(error).__name__}: {error}). Fetch the file again."
        ) from error


def _allowed_global(module: str, name: str) -> _Made:
    """What a global name stands for here."""
    if (module, name) not in _GLOBALS:
        raise UnsafePickleError(
            f"The pickle asks for {module}.{name}, which plain arrays do not need. It was not "
            "run; do not trust the file."
        )
    return _GLOBALS[module, name]


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        return _allowed_global(module, name)

    def persistent_load(self, pid: object) -> object:
        raise UnsafePickleError(
            f"The pickle asks for the outside object {pid!r}, which plain arrays do not need. "
            "It was not run; do not trust the file."
        )
