"""What a file of weights holds: told by its content, and read without running anything of it."""

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

__all__ = ["TORCH_ENDINGS", "stored_weights"]

TORCH_ENDINGS = (".pth", ".pt", ".bin", ".ckpt", ".tar")
# Where the content is that of a .safetensors file, these say something else.
_OTHER_ENDINGS = (".zip", ".gz", ".7z", ".npz", ".npy", ".h5", ".onnx", ".json", ".csv", ".txt")
_ALONE = "save the weights alone: torch.save(model.state_dict(), FILE)"
_TEXT = bytes(range(32, 127)) + b"\t\n\r\f"
_DEPTH = 3  # of mappings around the weights
_LONGEST_HEADER = 2**27  # bytes, of a .safetensors file
_NOT_WEIGHTS = re.compile(r"optim|sched|scaler|hyper_?param|callback", re.IGNORECASE)

# Starts of files that people take for weights, and what to do about each.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a pointer of Git LFS. Fetch the file itself with git lfs pull"),
    (b"\x89HDF", "an HDF5 file, of Keras for example. Convert it to safetensors"),
    (b"GGUF", "a GGUF file. Take the .safetensors file of the same network"),
    (b"\x93NUMPY", "a numpy array. Save the network's state_dict() instead"),
    (b"\x1f\x8b", "packed by gzip. Unpack it first"),
    (b"BZh", "packed by bzip2. Unpack it first"),
    (b"\xfd7zXZ", "packed by xz. Unpack it first"),
    (b"\x89PNG", "an image. Name a file of weights"),
    (b"\xff\xd8\xff", "an image. Name a file of weights"),
    (b"GIF8", "an image. Name a file of weights"),
    (b"%PDF", "a PDF document. Name a file of weights"),
    (b"<", "a web page. Download the file itself"),
    (b"{", "JSON, perhaps the index of a network in several files. Save them as one file"),
)

# Modules whose functions have no business beside weights.
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

# Data that training scripts keep beside the weights. Their names stand for inert objects here:
# nothing of these libraries is imported or called.
_BESIDE: tuple[str, ...] = (
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


class _Beside:
    """An object that was kept beside the weights, and of which nothing is kept here."""

    def __new__(cls, *_: object, **__: object) -> _Beside:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _mapping(*_: object) -> dict[object, object]:
    return {}


_STAND_INS: list[Any] = [
    *((type(name.rpartition(".")[2], (_Beside,), {}), name) for name in _BESIDE),
    *((_mapping, name) for name in _MAPPINGS),
]


def stored_weights(path: str | os.PathLike[str]) -> dict[str, OrderedDict[str, Tensor]]:
    """Every mapping from names to tensors in a file, by where it is in it; "" for the file itself.

    A file of torch.save is a pickle, of which torch's restricted reader takes tensors and plain
    containers; numpy numbers, `argparse.Namespace` and the like beside them are left out.

    Raises:
        ValueError: if it is not there, is no file of weights, is cut short, or holds objects
            that only code could read.
    """
    file = Path(path)
    if file.is_dir():
        raise ValueError(
            f"'weights' must be a file, got the folder {os.fspath(path)!r}. Name the file of "
            "weights in it."
        )
    if not file.is_file():
        raise ValueError(
            f"'weights' must be a file that exists, got {os.fspath(path)!r}. {nearest_names(file)}"
        )
    try:
        with file.open("rb") as opened:
            head = opened.read(512)
    except OSError as error:
        raise ValueError(
            f"'weights' must be a file that can be read, got {str(file)!r} "
            f"({error.strerror or error}). Check its permissions."
        ) from error
    safe = head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER
    if safe and file.suffix in _OTHER_ENDINGS:
        raise ValueError(
            f"'weights' must be a .safetensors, .pth or .pt file, got {file.name!r}, whose "
            "content is that of a .safetensors file. Rename it."
        )
    if safe or (file.suffix == ".safetensors" and not _is_torch(head)):
        tensors = OrderedDict(_safetensors(file))
        return {"": tensors} if tensors else _none_in(file, tensors)
    held = _of_torch(file, head)
    found = dict(_mappings(held))
    return found if found else _none_in(file, held)


def _unlike_a_pickle(head: bytes) -> str:
    """What a file is that starts like no pickle of weights, in words; "" if it may be one."""
    if not head.strip(b"\0"):
        return "full of zeros"
    if not head.translate(None, _TEXT) and not head.startswith((b"(", b"c", b"]", b"}")):
        return "text"
    return ""


def _is_torch(head: bytes) -> bool:
    return head[:2] == b"PK" or head[:1] == b"\x80" or head[257:262] == b"ustar"


def _none_in(file: Path, held: object) -> Any:  # noqa: ANN401 - never returns
    kind = type(held).__name__
    if isinstance(held, (Mapping, list, tuple)) and not held:
        kind = f"empty {kind}"
    raise ValueError(
        f"'weights' must hold tensors by name, got a {kind} in {str(file)!r}. "
        "Save network.state_dict()."
    )


def _mappings(held: object, place: str = "", depth: int = _DEPTH) -> Iterator[Any]:
    """Where tensors lie by name, the outermost first."""
    if not isinstance(held, dict):
        return
    tensors = {k: v for k, v in held.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if tensors:
        named = OrderedDict((name, tensor.detach()) for name, tensor in tensors.items())
        metadata = getattr(held, "_metadata", None)
        if isinstance(metadata, dict):
            vars(named)["_metadata"] = metadata
        yield place, named
    if depth:
        for key, value in held.items():
            if isinstance(key, str) and not _NOT_WEIGHTS.search(key):
                yield from _mappings(value, f"{place}.{key}".lstrip("."), depth - 1)


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"'weights' must be a whole .safetensors file, got {str(file)!r} ({error}). "
            "Fetch it again."
        ) from error


def _of_torch(file: Path, head: bytes) -> object:
    """What torch.save wrote."""
    for start, meaning in _STARTS:
        if head.lstrip().startswith(start):
            raise ValueError(
                f"'weights' must be a .safetensors, .pth or .pt file, got {file.name!r}, which is "
                f"{meaning}."
            )
    if head and not _is_torch(head) and not str(file).endswith(TORCH_ENDINGS):
        raise ValueError(
            f"'weights' must be a .safetensors, .pth or .pt file, got {file.name!r}, whose "
            "content is neither. Save network.state_dict() with torch.save."
        )
    if head and not _is_torch(head) and (kind := _unlike_a_pickle(head)):
        raise ValueError(
            f"'weights' must be a .safetensors, .pth or .pt file, got {file.name!r}, which is "
            f"{kind}. Name a file of weights, or fetch it again."
        )
    if head[:2] == b"PK":
        _check_archive(file)
    try:
        with warnings.catch_warnings(), _only_stand_ins():
            warnings.simplefilter("ignore", UserWarning)  # of other protocols than torch writes
            with file.open("rb") as opened:  # by name, torch would go by the ending
                return torch.load(opened, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(_not_understood(file, head, str(error))) from error
    except Exception as error:  # whatever a damaged pickle makes the reader do
        reason = str(error).splitlines()[0] if str(error) else "it ends too early"
        raise ValueError(
            f"'weights' must be a whole file of torch.save, got {str(file)!r} ({reason}). "
            "Fetch it again."
        ) from error


@contextmanager
def _only_stand_ins() -> Iterator[None]:
    """Nothing but our stand-ins beside tensors, whatever other packages have allowed."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(_STAND_INS)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


def _check_archive(file: Path) -> None:
    """Refuse zip archives of other kinds than torch.save writes."""
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"'weights' must be a whole file of torch.save, got {str(file)!r} ({error}). "
            "Fetch it again."
        ) from error
    if any(name.endswith("constants.pkl") for name in names):
        raise ValueError(
            f"'weights' must hold tensors by name, got {str(file)!r}, a network in TorchScript. "
            "Save torch.jit.load(FILE).state_dict() with torch.save."
        )
    if not any(name.rpartition("/")[2] == "data.pkl" for name in names):
        shown = ", ".join(map(repr, names[:3])) or "nothing"
        raise ValueError(
            f"'weights' must be a .safetensors, .pth or .pt file, got {file.name!r}, an archive "
            f"of {shown}. Unpack it, and name the file of weights."
        )


def _not_understood(file: Path, head: bytes, reason: str) -> str:
    """The sentence about a pickle that asks for more than tensors and plain containers."""
    names, first = _globals_in(file, head)
    told = re.search(r"GLOBAL (\S+)", reason)
    asked = told[1] if told else ""
    risky = [name for name in dict.fromkeys([*([asked] if asked else []), *names]) if _risky(name)]
    start = f"'weights' must hold tensors alone, got {str(file)!r}"
    if risky:
        return (
            f"{start}, whose pickle asks for more ({risky[0]}). It was not run; do not trust the "
            "file."
        )
    if "legacy .tar" in reason:
        return (
            f"{start}, in torch's format of before 2017. Load it with the program that it is "
            f"from, and {_ALONE}."
        )
    if not asked:
        other = re.search(r"Unsupported operand", reason)
        why = "in a pickle protocol that torch's restricted reader lacks" if other else reason
        return f"{start}, {why.splitlines()[0]}. Where it was made, {_ALONE}."
    what = f"whose pickle asks for more ({asked}). It was not loaded or run"
    if first == asked:
        what = f"one object of {asked}, such as a network with its class, which was not loaded"
    return f"{start}, {what}. Where it was made, {_ALONE}."


def _risky(name: str) -> bool:
    module, _, rest = name.partition(".")
    if module in ("builtins", "__builtin__"):
        return rest not in _PLAIN
    return module in _DANGEROUS and not any(name == known for _, known in _STAND_INS)


def _globals_in(file: Path, head: bytes) -> tuple[list[str], str]:
    """The names that a pickle asks for, and the one that it begins with; nothing is run."""
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
    except Exception:  # damaged: what was seen so far has to do
        return names, first
    return names, first


def _pickle_of(file: Path, head: bytes) -> bytes:
    if head[:2] != b"PK":
        return file.read_bytes()
    with ZipFile(file) as archive:
        name = next(n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl")
        return archive.read(name)
