"""Errors of the user and of the machine exit with one line, bugs with their traceback."""

import csv
import lzma
import re
import tarfile
import zipfile
import zlib

import pytest
import torch
from safetensors import SafetensorError

from gnnvision.cli.error_messages import error_message
from gnnvision.data import DataNotFound


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("'lr' must be positive, got 0."), "'lr' must be positive, got 0."),
        (PermissionError(13, "Permission denied", "/a/b"), r"'/a/b' could not be .*Permission de"),
        (OSError(36, "File name too long", "x" * 5000), "File name too long"),
        (OSError(28, "No space left on device"), r"Reading or writing failed \(No space left"),
        (IsADirectoryError(21, "Is a directory", b"a\xff"), r"'a\\xff' could not be read"),
        (DataNotFound("It is not there.", ["a"], "b"), "It is not there"),
        (OverflowError("Python int too large to convert to C long"), "A number is too large"),
        (MemoryError(), r"not enough memory \(none is left\). Use a smaller --batch-size"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "There is not enough memory"),
        (RuntimeError("[enforce fail] can't allocate memory: you tried"), "not enough memory"),
        (RuntimeError("CUDA error: invalid device ordinal\nmore"), r"ordinal\). Choose another"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "Save it as UTF-8"),
        (SafetensorError("Error while deserializing"), "A file is damaged or of another kind"),
        (zipfile.BadZipFile("File is not a zip file"), "A file is damaged"),
        (tarfile.ReadError("not a gzip file"), "A file is damaged"),
        (zlib.error("Error -3"), "A file is damaged"),
        (lzma.LZMAError("Corrupt"), "A file is damaged"),
        (csv.Error("line contains NUL"), "A file is damaged"),
        (EOFError(), r"A file is damaged or of another kind \(EOFError\)"),
    ],
)
def test_what_is_the_users(error, said):
    text = error_message(error)
    assert re.search(said, text), text
    assert "\n" not in text or isinstance(error, DataNotFound)
    assert len(text) < 500


@pytest.mark.parametrize(
    "error",
    [KeyError("y"), AttributeError("x"), IndexError(), AssertionError(), RuntimeError("size")],
)
def test_what_is_ours(error):
    assert error_message(error) is None
