"""Which errors are a mistake of the user or of the machine, and the sentence each ends with."""

from __future__ import annotations

import csv
import lzma
import os
import tarfile
import zipfile
import zlib

import torch
from safetensors import SafetensorError

__all__ = ["sentence"]

_DAMAGED = (
    SafetensorError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, csv.Error,
    EOFError,
)  # fmt: skip
_MOST_LETTERS = 300  # of a path that is too long
# Torch has one type for what a device cannot do and for a wrong call.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "Cannot allocate")
_OF_DEVICE = ("CUDA error", "CUDA driver", "cuDNN error", "CUBLAS", "HIP error", "MPS backend")
_COMPILER = ("torch._inductor", "torch._dynamo")


def sentence(error: BaseException) -> str | None:
    """What a script says at its end; None for a fault of the program, which keeps its traceback.

    Args:
        error: what was raised.
    """
    match error:
        case UnicodeError():
            return f"A text could not be read or written ({error}). Save it as UTF-8."
        case ValueError() | TypeError():
            return str(error)
        case OverflowError():
            return f"A number is too large ({error}). Give a smaller one."
        case MemoryError():
            return _no_memory(str(error))
        case OSError():
            return _of_system(error)
        case RuntimeError():
            return _of_device(error)
    if isinstance(error, _DAMAGED):
        return f"A file is damaged or of another kind ({_first_line(error)}). Fetch it again."
    return None


def _of_system(error: OSError) -> str:
    """An error of the operating system names a file; our own ones have a sentence already."""
    if error.errno is None:
        return str(error)
    reason = error.strerror or os.strerror(error.errno)
    names = [n for n in (error.filename, error.filename2) if isinstance(n, (str, bytes))]
    if not names:
        return f"The system refused to read or write ({reason}). Check the disk and the paths."
    shown = " and ".join(repr(name[:_MOST_LETTERS]) for name in names)
    return f"{shown} could not be read or written ({reason}). Check the path, or give another one."


def _of_device(error: RuntimeError) -> str | None:
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
        f"There is not enough memory ({reason or 'none is left'}). Take a smaller --batch-size, "
        "--image-size or data set."
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
