"""The doors of pickles, images, archives and arrays, with valid samples, for fuzz.py."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import pickletools
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from fuzz_door import door, written
from fuzz_mutate import MUTATE


def pickles() -> list[bytes]:
    """Arrays, matrices and containers in all protocols."""
    from scipy.sparse import csr_matrix

    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    values: list[Any] = [
        array, csr_matrix(array), {0: [1, 2], 1: [0]}, {"data": array, "labels": [1, 2]},
        [np.float64(1.5), 2**70, "text", b"bytes", (1, (2, 3)), {1, 2}], array.astype("i8")[::2],
    ]  # fmt: skip
    return [pickle.dumps(value, protocol) for value in values for protocol in range(6)]


_OPCODES = [opcode for opcode in pickletools.opcodes if opcode.name != "STOP"]


def pickle_program(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Operations at random, with plausible arguments, in or in place of a pickle."""
    names = [b"numpy\nndarray", b"numpy\ndtype", b"os\nsystem", b"builtins\neval",
             b"builtins\nlist", b"numpy.core.multiarray\n_reconstruct",
             b"numpy.core.multiarray\nscalar",
             b"collections\ndefaultdict", b"_codecs\nencode", b"copyreg\n_reconstructor",
             b"scipy.sparse.csr\ncsr_matrix", b"builtins\nobject", b"builtins\nint"]  # fmt: skip
    out = bytearray(data[: random.randrange(len(data))] if random.random() < 0.5 else b"\x80\x02")
    for _ in range(random.randint(1, 30)):
        opcode = random.choice(_OPCODES)
        out += opcode.code.encode("latin1")
        kind = opcode.arg.name if opcode.arg else ""
        small = random.choice((0, 1, 2, 3, 5, 255))
        if kind == "stringnl_noescape_pair":
            out += random.choice(names) + b"\n"
        elif kind in ("uint1", "int1"):
            out.append(small)
        elif kind == "uint2":
            out += struct.pack("<H", small)
        elif kind in ("int4", "uint4"):
            out += struct.pack("<I", random.choice((small, 2**31, 2**32 - 1)))
        elif kind in ("uint8", "float8"):
            out += struct.pack("<Q", random.choice((small, 2**63)))
        elif "nl" in kind:
            out += random.choice((b"1", b"-1", b"1L", b"'a'", b"x", b"9" * 50)) + b"\n"
        elif kind in ("string1", "bytes1", "unicodestring1", "long1"):
            out += bytes([small % 6]) + b"abcdef"[: small % 6]
        elif kind.endswith("8"):
            out += struct.pack("<Q", small % 6) + b"abcdef"[: small % 6]
        elif kind:
            out += struct.pack("<I", small % 6) + b"abcdef"[: small % 6]
    return bytes(out) + b"."


def read_pickle(data: bytes, folder: Path) -> object:
    """Read with the restricted unpickler."""
    from gnnvision.data.safe_pickle import safe_loads

    return safe_loads(data)


door("pickle", pickles, "bytes", 150_000)(read_pickle)
door("pickle program", pickles, pickle_program, 150_000)(read_pickle)


def planetoid_files() -> list[bytes]:
    """The files of a tiny citation graph, with the number of the one to change in front."""
    from scipy.sparse import csr_matrix

    words, labels = np.eye(6, dtype=np.float32), np.eye(2, dtype=np.int32)[[0, 1, 0, 1, 0, 1]]
    parts = {
        "x": csr_matrix(words[:2]), "y": labels[:2], "tx": csr_matrix(words[4:]), "ty": labels[4:],
        "allx": csr_matrix(words[:4]), "ally": labels[:4], "graph": {0: [1, 2], 3: [4], 4: [5]},
    }  # fmt: skip
    held = {name: pickle.dumps(value, 2) for name, value in parts.items()}
    held["test.index"] = b"5\n4\n"
    return [json.dumps([k, {n: d.hex() for n, d in held.items()}]).encode() for k in held]


def one_of_them(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One of the files of a set, changed."""
    name, held = json.loads(data)
    held[name] = MUTATE["bytes"](random, bytes.fromhex(held[name])).hex()
    return json.dumps([name, held]).encode()


@door("planetoid", planetoid_files, one_of_them, 30_000)
def read_planetoid(data: bytes, folder: Path) -> object:
    """Decode the files of a citation graph."""
    from gnnvision.data.card import Card, DataFile, SplitRule
    from gnnvision.data.graphs.planetoid import decode_planetoid

    _, held = json.loads(data)
    rule = {"public": SplitRule("made", per_class=1, num_val=2, num_test=2)}
    files = tuple(DataFile(f"ind.tiny.{name}") for name in held)
    card = Card("tiny", "Tiny", "node", "", "", "", "", files=files, splits=rule,
                class_names=("a", "b"))  # fmt: skip
    return decode_planetoid({f"ind.tiny.{k}": bytes.fromhex(v) for k, v in held.items()}, card)


def cifar_batches() -> list[bytes]:
    """A batch of two images."""
    held = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2], b"filenames": [b"a", b"b"]}
    return [pickle.dumps(held, protocol) for protocol in (0, 2, 4)]


@door("cifar batch", cifar_batches, "bytes", 20_000)
def read_cifar(data: bytes, folder: Path) -> object:
    """Decode a batch of CIFAR-10."""
    from gnnvision.data.images.cifar import decode_batch

    return decode_batch(data, "data_batch_1", 10)


def images_of(kind: str) -> Callable[[], list[bytes]]:
    """Small images in all modes of a format."""

    def make() -> list[bytes]:
        from PIL import Image

        pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 4), np.uint8)
        color = Image.fromarray(pixels)
        wide = Image.fromarray(pixels[..., :2].copy().view(np.uint16)[..., 0])
        exif = Image.Exif()
        exif[0x0112] = 6
        found = []
        images = [color.convert(mode) for mode in ("L", "RGB", "RGBA", "P", "1", "CMYK", "LA")]
        for image in (*images, wide):
            for options in ({}, {"exif": exif}, {"save_all": True, "append_images": [color]}):
                out = io.BytesIO()
                try:
                    image.save(out, kind, **options)
                except (OSError, KeyError, ValueError, TypeError, AttributeError, SystemError):
                    continue  # a mode that the format does not have
                found.append(out.getvalue())
        return found

    return make


def read_image(data: bytes, folder: Path) -> object:
    """The size and the pixels of an image."""
    from gnnvision.data.images.decode import decode_image, image_size

    size = image_size(data, 100_000)
    pixels = decode_image(data, "a.png", 100_000).pixels
    assert pixels.shape[:2] == size, f"{pixels.shape} is not {size}"
    assert pixels.dtype == np.uint8
    return pixels


for _kind, _change, _share in (
    ("PNG", "png", 60_000), ("JPEG", "bytes", 40_000), ("GIF", "bytes", 30_000),
    ("BMP", "bytes", 30_000), ("WEBP", "bytes", 20_000), ("TIFF", "bytes", 30_000),
    ("PPM", "bytes", 30_000), ("MPO", "bytes", 10_000),
):  # fmt: skip
    door(_kind, images_of(_kind), _change, _share)(read_image)


def idx_files() -> list[bytes]:
    """Images and labels of MNIST's format."""
    return [struct.pack(">4B3I", 0, 0, 8, 3, 2, 4, 4) + bytes(32)]


@door("idx", idx_files, "bytes", 40_000)
def read_idx(data: bytes, folder: Path) -> object:
    """The array in an idx file."""
    from gnnvision.data.images.idx import parse_idx

    return parse_idx(data, "train-images-idx3-ubyte", 3)


def idx_packed() -> list[bytes]:
    """The same, packed."""
    return [gzip.compress(data) for data in idx_files()]


@door("idx.gz", idx_packed, "gz", 10_000)
def read_idx_packed(data: bytes, folder: Path) -> object:
    """The array in a packed idx file."""
    from gnnvision.data.images.idx import _unpacked, parse_idx

    return parse_idx(_unpacked("train-images-idx3-ubyte", data), "train-images-idx3-ubyte", 3)


def members() -> dict[str, bytes]:
    """Files of a small archive."""
    return {"a/1.png": b"12345", "a/한글.png": b"x" * 600, "b/c/2.png": b"", ".x": b"hidden"}


def tars() -> list[bytes]:
    """Archives in three formats."""
    found = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name, data in members().items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            folder = tarfile.TarInfo("a/" + "long" * 20)
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        found.append(out.getvalue())
    return found


def tars_packed() -> list[bytes]:
    """The same, packed."""
    return [gzip.compress(data) for data in tars()]


def zips() -> list[bytes]:
    """Archives in all methods."""
    found = []
    for method in (0, 8, 12, 14):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in members().items():
                archive.writestr(name, data)
        found.append(out.getvalue())
    return found


def read_archive(data: bytes, folder: Path) -> object:
    """List an archive and read all of it."""
    from gnnvision.data.sources import open_source

    source = open_source(written(folder, "archive", data))
    held = [*source.read(source.members())]
    for member, _ in held:
        assert ".." not in member.path.split("/"), member.path
        assert not member.path.startswith("/"), member.path
    return [source.folders(), source.excluded(), source.assumed(), held]


door("tar", tars, "tar", 50_000)(read_archive)
door("tar.gz", tars_packed, "tar.gz", 20_000)(read_archive)
door("zip", zips, "zip", 40_000)(read_archive)
