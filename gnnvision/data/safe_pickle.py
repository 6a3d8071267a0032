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
from io import BytesIO
from typing import Any

from gnnvision.data.errors import UnsafePickleError
from gnnvision.data.records import (
    ArrayRecord,
    ArrayType,
    CsrRecord,
    DtypeRecord,
    ScalarRecord,
    resolve,
)

__all__ = ["safe_loads"]

_OPCODES = frozenset(
    "PROTO FRAME STOP MARK POP POP_MARK DUP MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET "
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 "
    "EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS "
    "GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD".split()
)
_PLAIN: dict[str, type] = {"list": list, "dict": dict, "set": set, "int": int, "long": int}
_GLOBALS: dict[tuple[str, str], type] = {
    ("collections", "defaultdict"): defaultdict,
    ("numpy", "ndarray"): ArrayType,
    ("numpy", "dtype"): DtypeRecord,
}
for _module in ("builtins", "__builtin__"):
    _GLOBALS.update({(_module, _name): _type for _name, _type in _PLAIN.items()})
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):  # numpy 1, numpy 2
    _GLOBALS[_module, "_reconstruct"] = ArrayRecord
    _GLOBALS[_module, "scalar"] = ScalarRecord
for _module in ("scipy.sparse.csr", "scipy.sparse._csr"):  # before and since scipy 1.8
    _GLOBALS[_module, "csr_matrix"] = CsrRecord


def safe_loads(data: bytes) -> Any:  # noqa: ANN401 - a pickle holds whatever it holds
    """What a pickle of arrays, csr matrices and plain containers holds.

    Understood are dict, defaultdict, list, tuple, set, numbers and strings, numpy arrays and
    scalars of numbers or truth values, and `scipy.sparse.csr_matrix`, as Python 2 or 3,
    numpy 1 or 2 and scipy of any age wrote them. A defaultdict comes back as a dict.

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
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise UnsafePickleError(
                    f"The pickle uses the operation {opcode.name}, which plain arrays do not "
                    "need. It was not run; do not trust the file."
                )
            if opcode.name == "GLOBAL":
                _understand(*str(argument).split(" ", 1))
            # A memo of 2**31 places would take 16 GB before the first object is made.
            if opcode.name.endswith("PUT") and not 0 <= int(argument or 0) <= len(data):
                raise ValueError(f"memo place {argument} in {len(data)} bytes")
    except UnsafePickleError:
        raise
    except Exception as error:
        raise ValueError(
            f"The pickle is damaged ({type(error).__name__}: {error}). Fetch the file again."
        ) from error


def _understand(module: str, name: str) -> type:
    """What a global name stands for here."""
    if (module, name) not in _GLOBALS:
        raise UnsafePickleError(
            f"The pickle asks for {module}.{name}, which plain arrays do not need. It was not "
            "run; do not trust the file."
        )
    return _GLOBALS[module, name]


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        return _understand(module, name)

    def persistent_load(self, pid: object) -> object:
        raise UnsafePickleError(
            f"The pickle asks for the outside object {pid!r}, which plain arrays do not need. "
            "It was not run; do not trust the file."
        )
