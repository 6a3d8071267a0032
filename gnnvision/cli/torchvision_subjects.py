"""Networks of torchvision on the command line: their weights, and pictures as they read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision.data.images.decode import large_images_are_errors
from gnnvision.data.images.image_file import MAX_PIXELS, decode_image
from gnnvision.transfer import WeightsNotFound, load_backbone

__all__ = ["PREFIX", "resized_note", "torchvision_network"]

PREFIX = "torchvision:"
Reader = Callable[[Path], tuple[Tensor, Tensor, tuple[str, ...]]]


def torchvision_network(given: str) -> tuple[nn.Module, tuple[str, ...], Reader]:
    """A network of torchvision with weights, the names of its classes, and what reads a picture.

    Args:
        given: "torchvision:NAME" or "torchvision:NAME=FILE".

    Raises:
        ValueError: if there is no such network, its weights cannot be had, or those of the file
            are not its own.
    """
    from torchvision import models as zoo

    name, _, file = given.removeprefix(PREFIX).partition("=")
    weights = Path(file).absolute() if file else "DEFAULT"
    try:
        model = load_backbone(f"{PREFIX}{name}", weights).network
    except WeightsNotFound as error:
        raise ValueError(f"{error} Here: {PREFIX}{name}=FILE.") from error
    assert isinstance(model, models.TorchvisionNetwork)
    choices = zoo.get_model_weights(name)
    facts = next(iter(choices)) if file else choices["DEFAULT"]
    names = tuple(facts.meta["categories"])
    if model.num_classes != len(names):
        names = tuple(f"class {number}" for number in range(model.num_classes))
    return model, names, _reader(facts.transforms())


def resized_note(was: Sequence[int], size: Sequence[int], side: int | None = None) -> str:
    """What became of a picture of another size, in words."""
    before, after = (" × ".join(map(str, pair)) for pair in (was, size))
    first = f"made {side} along its shorter side" if side else "made smaller or larger"
    return f"{before} pixels; {first}, then the middle {after} taken"


def _reader(preset: object) -> Reader:
    """What reads a picture as the weights want it: resized, the middle taken, normalized."""
    from PIL import Image
    from torchvision.transforms.v2 import functional as F

    crop, resize = preset.crop_size, preset.resize_size  # type: ignore[attr-defined]
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (preset.mean, preset.std))  # type: ignore[attr-defined]

    def read(path: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        with large_images_are_errors():
            found = decode_image(path.read_bytes(), path.name, MAX_PIXELS)
        notes = [reason for _, reason in found.notes]
        pixels = found.pixels
        if pixels.shape[2] == 1:
            pixels = pixels.repeat(3, 2)
            notes.append("gray; made colored, as the network reads")
        image = Image.fromarray(pixels)
        small = F.resize(image, resize, preset.interpolation, antialias=True)  # type: ignore[attr-defined]
        picture = F.pil_to_tensor(F.center_crop(small, crop))
        notes.append(resized_note(pixels.shape[:2], picture.shape[1:], resize[0]))
        return picture, (picture.float() / 255 - mean) / std, tuple(notes)

    return read
