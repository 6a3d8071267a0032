"""New images for a trained network: found, read and brought to its size and channels."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.file_names import is_system_name
from gnnvision.data.images.decode import large_images_are_errors, resize_and_crop
from gnnvision.data.images.formats import HEAD_BYTES, why_left_out
from gnnvision.data.images.image_file import ENDINGS, MAX_PIXELS, InvalidImage, decode_image
from gnnvision.data.paths import refuse_special

__all__ = ["image_files", "read_image"]


def image_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The files that are named, and for a folder all images in it, in order of their names.

    Of a folder these are the files that are images by their names or contents, also in formats
    that are not read; what belongs to an operating system is passed over.

    Raises:
        ValueError: There is no image among them.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += [p for p in sorted(path.rglob("*")) if _is_wanted(p, path)]
        else:
            refuse_special(path, "images")
            found.append(path)
    if not found:
        named = ", ".join(str(path) for path in paths)
        raise ValueError(
            f"'images' must be image files or folders of them, got {named or 'none'}. "
            f"Name files that end in {', '.join(ENDINGS)}."
        )
    return found


def _is_wanted(file: Path, folder: Path) -> bool:
    if any(map(is_system_name, file.relative_to(folder).parts)) or not file.is_file():
        return False
    why = why_left_out(file.name, None)
    if why is not None and why[0] == "unknown":
        try:
            with file.open("rb") as content:
                why = why_left_out(file.name, content.read(HEAD_BYTES))
        except OSError:
            return False
    return why is None or why[0] == "unread format"


def read_image(
    path: str | os.PathLike[str], size: tuple[int, int], channels: int
) -> tuple[Tensor, tuple[str, ...]]:
    """An image as a network was trained on it: of its size and channels.

    Args:
        path: A file of any kind that training takes.
        size: Height and width: the shorter side is resized and the middle taken.
        channels: 1 for gray, 3 for color.

    Returns:
        uint8 of shape (channels, H, W), and in words what was converted on the way.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is no image, damaged or too large.
    """
    file = Path(path)
    refuse_special(file, "images")
    with large_images_are_errors():
        try:
            image = decode_image(file.read_bytes(), file.name, MAX_PIXELS)
        except InvalidImage as fault:
            raise InvalidImage(fault.kind, f"{fault.kind}: {fault}") from fault
        pixels = resize_and_crop(image.pixels, size, channels)
    changes = [reason for _, reason in image.notes]
    if image.pixels.shape[2] != channels:
        here, there = ("gray", "colored") if channels == 1 else ("colored", "gray")
        changes.append(f"{there}; made {here} as the network's training images were")
    shape = (*size, channels)  # a gray image has the same number in every channel
    full = np.array(np.broadcast_to(pixels, shape))
    return torch.from_numpy(full).permute(2, 0, 1), tuple(changes)
