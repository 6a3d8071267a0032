"""Read files of weights, recognized by content, without executing any code in them."""

from __future__ import annotations

import os
import pickle
import pickletools
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gnnvision.data.paths import nearest_names
from gnnvision.errors import invalid

__all__ = ["TORCH_ENDINGS", "stored_weights"]

TORCH_ENDINGS = (".pth", ".pt", ".bin", ".ckpt", ".tar")
# Misleading endings for the content of a .safetensors file.
_OTHER_ENDINGS = (".zip", ".gz", ".7z", ".npz", ".npy", ".h5", ".onnx", ".json", ".csv", ".txt")
_ONLY_WEIGHTS = "save only the weights: torch.save(model.state_dict(), FILE)"
_FORMATS = "be a .safetensors, .pth or .pt file"
_COMPLETE = "be a complete file of torch.save"
_NAMED_TENSORS = "contain tensors by name"
_AGAIN = "Download it again."
_TEXT = bytes(range(32, 127)) + b"\t\n\r\f"
_DEPTH = 3  # of nested mappings that are searched for weights
_LONGEST_HEADER = 2**27  # bytes, of a .safetensors file
_NOT_WEIGHTS = re.compile(r"optim|sched|scaler|hyper_?param|callback", re.IGNORECASE)

# The first bytes of files that are mistaken for weights, and what to do about each.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer. Download the file itself with git lfs pull"),
    (b"\x89HDF", "an HDF5 file, for example from Keras. Convert it to safetensors"),
    (b"GGUF", "a GGUF file. Use the .safetensors file of the same network"),
    (b"\x93NUMPY", "a numpy array. Save the network's state_dict() instead"),
    (b"\x1f\x8b", "compressed with gzip. Decompress it first"),
    (b"BZh", "compressed with bzip2. Decompress it first"),
    (b"\xfd7zXZ", "compressed with xz. Decompress it first"),
    (b"\x89PNG", "an image. Name a file of weights"),
    (b"\xff\xd8\xff", "an image. Name a file of weights"),
    (b"GIF8", "an image. Name a file of weights"),
    (b"%PDF", "a PDF document. Name a file of weights"),
    (b"<", "a web page. Download the file itself"),
    (b"{", "JSON, perhaps the index of a network in several files. Save them as one file"),
)

# Modules whose functions never belong in a file of weights.
_DANGEROUS = frozenset(
    "os posix nt sys subprocess shutil socket importlib runpy pty ctypes code codeop webbrowser "
    "urllib requests http ftplib smtplib pickle marshal operator functools multiprocessing "
    "threading asyncio tempfile io zipimport pip pydoc timeit trace bdb pdb profile cProfile "
    "distutils setuptools _io commands platform inspect types".split()
)

_PLAIN = frozenset(
    "list dict tuple set frozenset int long float complex str unicode bytes bytearray bool object "
    "slice range".split()
)

# Types that training scripts store together with the weights. Inert objects replace them here:
# nothing of these libraries is imported or called.
_IGNORED_TYPES: tuple[str, ...] = (
    *(
        f"numpy.{core}.{name}"
        for core in ("core", "_core")
        for name in ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")
    ),
    "numpy.ndarray",
    "numpy.dtype",
    *(
        f"numpy.{name}"
        for name in "float64 float32 float16 int64 int32 int16 int8 uint8 bool_".split()
    ),
    "argparse.Namespace",
    "types.SimpleNamespace",
    *(f"pathlib.{name}" for name in "Path PosixPath WindowsPath PurePosixPath".split()),
    *(f"pathlib._local.{name}" for name in "Path PosixPath WindowsPath".split()),
    *(f"datetime.{name}" for name in "datetime date time timedelta timezone".split()),
    *(f"builtins.{name}" for name in "list dict tuple int float str bool frozenset slice".split()),
    "collections.deque",
    "decimal.Decimal",
    "uuid.UUID",
    "torch.torch_version.TorchVersion",
)
_MAPPINGS: tuple[str, ...] = (
    "collections.defaultdict",
    "easydict.EasyDict",
    "yacs.config.CfgNode",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)


class _Ignored:
    """Replaces an object that was stored together with the weights."""

    def __new__(cls, *_: object, **__: object) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _mapping(*_: object) -> dict[object, object]:
    return {}


_STAND_INS: list[Any] = [
    *((type(name.rpartition(".")[2], (_Ignored,), {}), name) for name in _IGNORED_TYPES),
    *((_mapping, name) for name in _MAPPINGS),
]


def stored_weights(path: str | os.PathLike[str]) -> dict[str, OrderedDict[str, Tensor]]:
    """Every mapping from names to tensors in a file, by its key in the file; "" for the top level.

    A file of torch.save is a pickle, which torch's restricted unpickler reads: only tensors and
    plain containers. Numpy numbers, `argparse.Namespace` and similar objects are ignored.

    Raises:
        ValueError: if the file does not exist, is not a file of weights, is truncated, or
            contains objects that require code execution.
    """
    file = Path(path)
    if file.is_dir():
        got = f"the folder {os.fspath(path)!r}"
        raise invalid("weights", "be a file", got, "Name the file of weights in it.")
    if not file.is_file():
        name = repr(os.fspath(path))
        raise invalid("weights", "be a file that exists", name, nearest_names(file))
    try:
        with file.open("rb") as opened:
            head = opened.read(512)
    except OSError as error:
        got = f"{str(file)!r} ({error.strerror or error})"
        raise invalid("weights", "be readable", got, "Check its permissions.") from error
    safe = head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER
    if safe and file.suffix in _OTHER_ENDINGS:
        got = f"{file.name!r}, whose content is that of a .safetensors file"
        raise invalid("weights", _FORMATS, got, "Rename it.")
    if safe or (file.suffix == ".safetensors" and not _is_torch(head)):
        tensors = OrderedDict(_safetensors(file))
        if not tensors:
            raise _no_tensors(file, tensors)
        return {"": tensors}
    content = _load_torch(file, head)
    found = dict(_mappings(content))
    if not found:
        raise _no_tensors(file, content)
    return found


def _not_a_pickle(head: bytes) -> str:
    """What a file is that does not start like a pickle; "" if it may be one."""
    if not head.strip(b"\0"):
        return "full of zeros"
    if not head.translate(None, _TEXT) and not head.startswith((b"(", b"c", b"]", b"}")):
        return "text"
    return ""


def _is_torch(head: bytes) -> bool:
    return head[:2] == b"PK" or head[:1] == b"\x80" or head[257:262] == b"ustar"


def _no_tensors(file: Path, content: object) -> ValueError:
    kind = type(content).__name__
    if isinstance(content, (Mapping, list, tuple)) and not content:
        kind = f"empty {kind}"
    got = f"an object of type {kind} in {str(file)!r}"
    return invalid("weights", _NAMED_TENSORS, got, "Save network.state_dict().")


def _mappings(content: object, key: str = "", depth: int = _DEPTH) -> Iterator[Any]:
    """The mappings from names to tensors and their keys, the outermost first."""
    if not isinstance(content, dict):
        return
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if tensors:
        named = OrderedDict((name, tensor.detach()) for name, tensor in tensors.items())
        metadata = getattr(content, "_metadata", None)
        if isinstance(metadata, dict):
            vars(named)["_metadata"] = metadata
        yield key, named
    if depth:
        for name, value in content.items():
            if isinstance(name, str) and not _NOT_WEIGHTS.search(name):
                yield from _mappings(value, f"{key}.{name}".lstrip("."), depth - 1)


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        got = f"{str(file)!r} ({error})"
        raise invalid("weights", "be a complete .safetensors file", got, _AGAIN) from error


def _load_torch(file: Path, head: bytes) -> object:
    """The object that torch.save wrote, with inert objects for other types."""
    for start, meaning in _STARTS:
        if head.lstrip().startswith(start):
            raise invalid("weights", _FORMATS, f"{file.name!r}, which is {meaning}")
    if head and not _is_torch(head) and not str(file).endswith(TORCH_ENDINGS):
        got = f"{file.name!r}, whose content is another format"
        raise invalid("weights", _FORMATS, got, "Save network.state_dict() with torch.save.")
    if head and not _is_torch(head) and (kind := _not_a_pickle(head)):
        got = f"{file.name!r}, which is {kind}"
        raise invalid("weights", _FORMATS, got, "Name a file of weights, or download it again.")
    if head[:2] == b"PK":
        _check_archive(file)
    try:
        with warnings.catch_warnings(), _only_stand_ins():
            # The pickle protocol may be one that torch does not write.
            warnings.simplefilter("ignore", UserWarning)
            with file.open("rb") as opened:  # given a name, torch would go by its ending
                return torch.load(opened, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused_pickle(file, head, str(error)) from error
    except Exception as error:  # a damaged pickle can raise anything
        reason = str(error).splitlines()[0] if str(error) else "it ends too early"
        raise invalid("weights", _COMPLETE, f"{str(file)!r} ({reason})", _AGAIN) from error


@contextmanager
def _only_stand_ins() -> Iterator[None]:
    """Allow only tensors and our stand-ins, even if other packages have allowed more types."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(_STAND_INS)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


def _check_archive(file: Path) -> None:
    """Refuse zip archives that torch.save did not write."""
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise invalid("weights", _COMPLETE, f"{str(file)!r} ({error})", _AGAIN) from error
    if any(name.endswith("constants.pkl") for name in names):
        got = f"{str(file)!r}, a network in TorchScript"
        advice = "Save torch.jit.load(FILE).state_dict() with torch.save."
        raise invalid("weights", _NAMED_TENSORS, got, advice)
    if not any(name.rpartition("/")[2] == "data.pkl" for name in names):
        shown = ", ".join(map(repr, names[:3])) or "nothing"
        got = f"{file.name!r}, an archive of {shown}"
        raise invalid("weights", _FORMATS, got, "Unpack it and name the file of weights.")


def _refused_pickle(file: Path, head: bytes, reason: str) -> ValueError:
    """The error for a pickle that contains more than tensors and plain containers."""
    names, first = _globals_in(file, head)
    found = re.search(r"GLOBAL (\S+)", reason)
    wanted = found[1] if found else ""
    risky = [n for n in dict.fromkeys([*([wanted] if wanted else []), *names]) if _is_risky(n)]
    where_made = f"On the machine that wrote it, {_ONLY_WEIGHTS}."
    if risky:
        got = f"its pickle calls {risky[0]}"
        advice = "It was not executed; do not trust the file."
    elif "legacy .tar" in reason:
        got = "it is in torch's format from before 2017"
        advice = f"Load it with the program that wrote it, and {_ONLY_WEIGHTS}."
    elif not wanted:
        protocol = re.search(r"Unsupported operand", reason)
        got = "its pickle protocol is not supported" if protocol else reason.splitlines()[0]
        advice = where_made
    elif first == wanted:
        got = f"it contains an object of {wanted}, such as a whole network"
        advice = f"It was not loaded. {where_made}"
    else:
        got = f"its pickle contains {wanted}"
        advice = f"It was not loaded or executed. {where_made}"
    return invalid("weights", "contain only tensors", f"{str(file)!r} ({got})", advice)


def _is_risky(name: str) -> bool:
    module, _, rest = name.partition(".")
    if module in ("builtins", "__builtin__"):
        return rest not in _PLAIN
    return module in _DANGEROUS and not any(name == known for _, known in _STAND_INS)


def _globals_in(file: Path, head: bytes) -> tuple[list[str], str]:
    """The names that a pickle would import, and its first one; nothing is executed."""
    names: list[str] = []
    texts: list[str] = []
    first, count = "", 0
    try:
        for opcode, argument, _ in pickletools.genops(_pickle_of(file, head)):
            count += opcode.name not in ("PROTO", "FRAME")
            if isinstance(argument, str) and "UNICODE" in opcode.name:
                texts.append(argument)
            if opcode.name == "GLOBAL":
                names.append(str(argument).replace(" ", "."))
                first = names[0] if count == 1 else first
            elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
                names.append(".".join(texts[-2:]))
    except Exception:  # damaged: return what was found so far
        return names, first
    return names, first


def _pickle_of(file: Path, head: bytes) -> bytes:
    if head[:2] != b"PK":
        return file.read_bytes()
    with ZipFile(file) as archive:
        name = next(n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl")
        return archive.read(name)
