"""Which errors are the user's or the machine's, and the line that a script ends with."""

from __future__ import annotations

import csv
import lzma
import os
import tarfile
import zipfile
import zlib

from gnnvision._extras import MissingPackage, extra_of, missing_text

__all__ = ["error_message"]

_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, csv.Error, EOFError,
)  # fmt: skip
_LONGEST = 300  # characters of a path
# Torch has one type for what a device cannot do and for a wrong call.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "Cannot allocate")
_OF_DEVICE = ("CUDA error", "CUDA driver", "cuDNN error", "CUBLAS", "HIP error", "MPS backend")
_COMPILER = ("torch._inductor", "torch._dynamo")


def error_message(error: BaseException) -> str | None:
    """The line that a script ends with; None for a bug, which keeps its traceback.

    Args:
        error: the exception.
    """
    match error:
        case UnicodeError():
            return f"A text could not be read or written ({error}). Save it as UTF-8."
        case ValueError() | TypeError() | MissingPackage():
            return " ".join([str(error), *getattr(error, "__notes__", ())])
        case ImportError() if error.name and (extra := extra_of(error.name)):
            return missing_text(extra, "This") or None
        case OverflowError():
            return f"A number is too large ({error}). Give a smaller one."
        case MemoryError():
            return _no_memory(str(error))
        case OSError():
            return _of_system(error)
        case RuntimeError():
            return _of_device(error)
    from safetensors import SafetensorError

    if isinstance(error, (*_DAMAGED, SafetensorError)):
        return f"A file is damaged or of another kind ({_first_line(error)}). Fetch it again."
    return None


def _of_system(error: OSError) -> str:
    """The message of an error of the operating system, with its files; of ours, as it is."""
    if error.errno is None:
        return str(error)
    reason = error.strerror or os.strerror(error.errno)
    names = [n for n in (error.filename, error.filename2) if isinstance(n, (str, bytes))]
    if not names:
        return f"Reading or writing failed ({reason}). Check the disk and the paths."
    paths = " and ".join(repr(name[:_LONGEST]) for name in names)
    return f"{paths} could not be read or written ({reason}). Check the path, or give another one."


def _of_device(error: RuntimeError) -> str | None:
    import torch

    text = _first_line(error)
    if isinstance(error, torch.OutOfMemoryError) or any(mark in str(error) for mark in _NO_MEMORY):
        return _no_memory(text)
    accelerator = getattr(torch, "AcceleratorError", None)
    if (accelerator and isinstance(error, accelerator)) or any(m in text for m in _OF_DEVICE):
        return f"The device failed ({text}). Choose another one with --device, such as cpu."
    if type(error).__module__.startswith(_COMPILER):
        return f"The network could not be compiled ({text}). Leave --compile out."
    return None


def _no_memory(reason: str) -> str:
    return (
        f"There is not enough memory ({reason or 'none is left'}). Use a smaller --batch-size, "
        "--image-size or dataset."
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
