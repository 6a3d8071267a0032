"""Small image files and folder trees for the tests."""

import gzip
import io
import struct

import numpy as np
import torch
from PIL import Image

from gnnvision.data import ImageTask, stratified_split

from .. import made

SPLIT_NAMES = {"train": 4, "test": 2}


def pixels(seed=0, size=(10, 12), channels=3):
    """Smooth random pixels, as JPEG likes them: uint8 (H, W[, 3])."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)
    return np.asarray(image.convert("L" if channels == 1 else "RGB"))


def encoded(array, form="PNG", **options):
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(buffer, form, **options)
    return buffer.getvalue()


def huge_png():
    """A PNG whose head promises 30,000 x 30,000 pixels."""
    data = bytearray(encoded(pixels()))
    data[16:24] = struct.pack(">II", 30000, 30000)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def exif_chunk(orientation):
    """The chunk of a PNG with an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(pixels(), exif=exif)
    start = data.index(b"eXIf") - 4
    return data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]


def tree(classes=("cat", "dog"), parts=SPLIT_NAMES, **options):
    """Paths and contents of a small set, all pictures different."""
    files, seed = {}, 0
    for part, count in parts.items():
        for name in classes:
            for number in range(count):
                files[f"{part}/{name}/{number}.png"] = encoded(pixels(seed, **options))
                seed += 1
    return files


def idx(array):
    """The content of an idx file of bytes."""
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(folder, train=20, test=10, size=(28, 28), packed=False, classes=10):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    made_ = {}
    for prefix, count in (("train", train), ("t10k", test)):
        images = rng.integers(0, 256, (count, *size), dtype=np.uint8)
        labels = np.arange(count) % classes
        made_[prefix] = images, labels
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name, data = f"{prefix}-{kind}-ubyte", idx(array)
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
            else:
                (folder / name).write_bytes(data)
    return made_


def cifar_batch(count=20, seed=0, labels=None):
    """The content of one batch file of CIFAR-10, as Python 2 pickled it."""
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    labels = (np.arange(count) % 10).tolist() if labels is None else labels
    content = {
        "batch_label": "training batch 1 of 5",
        "labels": labels,
        "data": data,
        "filenames": [f"picture_s_{number:06d}.png" for number in range(count)],
    }
    return data, plain_dict(content)


def plain_dict(content):
    """A pickle of a dict by protocol 2 with Python 2's strings."""
    items = b"".join(made.text(key) + made.python2(value) for key, value in content.items())
    return b"\x80\x02}(" + items + b"u."


def task(n=40, size=(8, 8), channels=3, classes=2, **changes):
    """A task on random pictures whose first pixel is their number."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, channels, *size), generator=generator, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(n)
    y = torch.arange(n) % classes
    values = {
        "name": "made",
        "requested": "made",
        "kind": "classification",
        "in_channels": channels,
        "num_outputs": classes,
        "class_names": tuple("abcdefghij"[:classes]),
        "split": stratified_split(y, 0, n // 5, n // 5, "public"),
        "card": made.card(
            kind="image",
            splits={
                name: made.SplitRule("made", num_val=n // 5, num_test=n // 5)
                for name in ("public", "full", "random")
            },
        ),
        "data_hash": "0" * 64,
        "images": images,
        "y": y,
        "mean": (0.5,) * channels,
        "std": (0.25,) * channels,
    }
    return ImageTask(**(values | changes))
