"""Reading of new images for prediction, in the size and channels of the model."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gnnvision._extras import require_extra
from gnnvision.data.file_names import is_system_name
from gnnvision.data.images.decode import large_images_are_errors, resize_and_crop
from gnnvision.data.images.formats import HEAD_BYTES, exclusion_reason
from gnnvision.data.images.image_file import ENDINGS, MAX_PIXELS, InvalidImage, decode_image
from gnnvision.data.paths import refuse_special
from gnnvision.errors import invalid

__all__ = ["image_files", "read_image"]


def image_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Expand paths of files and folders to a list of image files.

    For a folder these are all images in it and its subfolders, sorted by path, including those
    in unsupported formats; system files are skipped.

    Raises:
        ValueError: There are no images.
    """
    require_extra("images", "Reading image files", "PIL")
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += [p for p in sorted(path.rglob("*")) if _is_image_file(p, path)]
        else:
            refuse_special(path, "images")
            found.append(path)
    if not found:
        got = ", ".join(str(path) for path in paths) or "none"
        advice = f"Pass files with one of the extensions {', '.join(ENDINGS)}."
        raise invalid("images", "be image files or folders of images", got, advice)
    return found


def _is_image_file(file: Path, folder: Path) -> bool:
    if any(map(is_system_name, file.relative_to(folder).parts)) or not file.is_file():
        return False
    why = exclusion_reason(file.name, None)
    if why is not None and why[0] == "unknown":
        try:
            with file.open("rb") as content:
                why = exclusion_reason(file.name, content.read(HEAD_BYTES))
        except OSError:
            return False
    return why is None or why[0] == "unsupported format"


def read_image(
    path: str | os.PathLike[str], size: tuple[int, int], channels: int
) -> tuple[Tensor, tuple[str, ...]]:
    """Read an image in the size and channels of a trained model.

    Args:
        path: A file in any supported format.
        size: Height and width: the shorter side is resized and the center cropped.
        channels: 1 for grayscale, 3 for color.

    Returns:
        uint8 (channels, H, W), and the conversions as texts.

    Raises:
        OSError: The file cannot be opened.
        ValueError: The file is not an image, is damaged or too large.
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
        old, new = ("color", "grayscale") if channels == 1 else ("grayscale", "color")
        changes.append(f"converted from {old} to {new}, as the training images")
    shape = (*size, channels)  # grayscale is copied to all channels
    full = np.array(np.broadcast_to(pixels, shape))
    return torch.from_numpy(full).permute(2, 0, 1), tuple(changes)
