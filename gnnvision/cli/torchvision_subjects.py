"""Networks of torchvision on the command line: their weights, and pictures as they read them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision.data.images.decode import large_pictures_are_errors
from gnnvision.data.images.picture import MAX_PIXELS, decode_picture

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
    if file:
        tensors = _weights(Path(file))
        model = models.torchvision_network(name, _classes(tensors))
        _fill(model.network, tensors, name, file)
        facts = next(iter(zoo.get_model_weights(name)))
    else:
        try:
            model = models.torchvision_network(name, weights="DEFAULT")
        except (URLError, RuntimeError, OSError) as error:
            place = Path(torch.hub.get_dir()) / "checkpoints"
            raise ValueError(
                f"'model' must have weights that can be had, got {given!r} ({error}). Put them "
                f"into {place}, or name a file with {PREFIX}{name}=FILE."
            ) from error
        facts = zoo.get_model_weights(name)["DEFAULT"]
    names = tuple(facts.meta["categories"])
    if model.num_classes != len(names):
        names = tuple(f"class {number}" for number in range(model.num_classes))
    return model, names, _reader(facts.transforms())


def _weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not file.is_file():
        raise ValueError(
            f"'model' must name a file of weights that exists, got {str(file)!r}. Mend the path."
        )
    try:
        return {name: tensor.float() for name, tensor in load_file(os.fspath(file)).items()}
    except SafetensorError as error:
        raise ValueError(
            f"'model' must name a whole safetensors file, got {str(file)!r} ({error}). "
            "Fetch it again, or save the weights with safetensors.torch.save_file."
        ) from error


def _classes(tensors: dict[str, Tensor]) -> int:
    """How many outputs weights have: the rows of the last matrix."""
    matrices = [t for n, t in tensors.items() if t.ndim == 2 and not n.startswith("AuxLogits")]
    return len(matrices[-1]) if matrices else 1000


def _fill(network: nn.Module, tensors: dict[str, Tensor], name: str, file: str) -> None:
    """Load the weights, all of them; only a side output for training may be left over."""
    side = {key: t for key, t in tensors.items() if not key.startswith(("AuxLogits", "aux"))}
    try:
        network.load_state_dict(side)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(
            f"'model' must name the weights of {name}, got others in {file!r} ({reason[:200]}). "
            "Name the network that they belong to."
        ) from error


def resized_note(was: Sequence[int], size: Sequence[int], side: int | None = None) -> str:
    """What became of a picture of another size, in words."""
    before, after = (" × ".join(map(str, pair)) for pair in (was, size))
    first = f"made {side} along its shorter side" if side else "made smaller or larger"
    return f"{before} pixels; {first}, then the middle {after} taken"


def _reader(preset: object) -> Reader:
    """What reads a picture as the weights want it: resized, the middle taken, normalised."""
    from PIL import Image
    from torchvision.transforms.v2 import functional as F

    crop, resize = preset.crop_size, preset.resize_size  # type: ignore[attr-defined]
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (preset.mean, preset.std))  # type: ignore[attr-defined]

    def read(path: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        with large_pictures_are_errors():
            found = decode_picture(path.read_bytes(), path.name, MAX_PIXELS)
        notes = [reason for _, reason in found.notes]
        pixels = found.pixels
        if pixels.shape[2] == 1:
            pixels = pixels.repeat(3, 2)
            notes.append("gray; made coloured, as the network reads")
        image = Image.fromarray(pixels)
        small = F.resize(image, resize, preset.interpolation, antialias=True)  # type: ignore[attr-defined]
        picture = F.pil_to_tensor(F.center_crop(small, crop))
        notes.append(resized_note(pixels.shape[:2], picture.shape[1:], resize[0]))
        return picture, (picture.float() / 255 - mean) / std, tuple(notes)

    return read
