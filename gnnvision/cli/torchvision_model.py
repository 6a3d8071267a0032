"""Networks of torchvision on the command line: their weights, and images as they read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision._extras import require_extra
from gnnvision.data.images.decode import large_images_are_errors
from gnnvision.data.images.image_file import MAX_PIXELS, decode_image
from gnnvision.transfer import WeightsNotFound, load_backbone

__all__ = ["PREFIX", "load_torchvision_model", "resize_note"]

PREFIX = "torchvision:"
Reader = Callable[[Path], tuple[Tensor, Tensor, tuple[str, ...]]]


def load_torchvision_model(text: str) -> tuple[nn.Module, tuple[str, ...], Reader]:
    """A network of torchvision with weights, its class names, and the function to read an image.

    Args:
        text: "torchvision:NAME" or "torchvision:NAME=FILE".

    Raises:
        ValueError: if there is no such network, its weights are not available, or those of the
            file belong to another network.
    """
    require_extra("images", "A network of torchvision")
    from torchvision import models as zoo

    name, _, file = text.removeprefix(PREFIX).partition("=")
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


def resize_note(before: Sequence[int], after: Sequence[int], side: int | None = None) -> str:
    """How an image of another size was resized, as text.

    Args:
        before: its height and width.
        after: height and width that the network reads.
        side: length of the shorter side in between, if it is another one.
    """
    old, new = (" × ".join(map(str, size)) for size in (before, after))
    resized = f"resized to {side} along the shorter side" if side else "resized"
    return f"{old} pixels; {resized}, then cropped to the center {new}"


def _reader(preset: object) -> Reader:
    """The function that reads an image as the weights expect it: resized, cropped, normalized."""
    from PIL import Image
    from torchvision.transforms.v2 import functional as F

    crop, resize = preset.crop_size, preset.resize_size  # type: ignore[attr-defined]
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (preset.mean, preset.std))  # type: ignore[attr-defined]

    def read(path: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        with large_images_are_errors():
            decoded = decode_image(path.read_bytes(), path.name, MAX_PIXELS)
        notes = [reason for _, reason in decoded.notes]
        pixels = decoded.pixels
        if pixels.shape[2] == 1:
            pixels = pixels.repeat(3, 2)
            notes.append("grayscale; converted to RGB, which the network reads")
        image = Image.fromarray(pixels)
        small = F.resize(image, resize, preset.interpolation, antialias=True)  # type: ignore[attr-defined]
        cropped = F.pil_to_tensor(F.center_crop(small, crop))
        notes.append(resize_note(pixels.shape[:2], cropped.shape[1:], resize[0]))
        return cropped, (cropped.float() / 255 - mean) / std, tuple(notes)

    return read
