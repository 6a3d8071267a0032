"""A trained network on new pictures: the checkpoint says how to build it and what to feed it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision.data.images import read_picture
from gnnvision.data.images.views import mean_answer
from gnnvision.domains import Grid
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint
from gnnvision.training.seed_run import arithmetic

__all__ = ["Predictor", "build_network", "find_checkpoint"]

BATCH = 500


class Predictor:
    """A trained classifier of pictures.

    Args:
        model: with its weights.
        about: what the checkpoint says of the run: classes, sizes, normalisation, precision.
        device: where to run.

    Example:
        >>> predictor = Predictor.load("runs/cnn_cifar/2026-01-01_12-00-00")  # doctest: +SKIP
        >>> predictor(pictures).argmax(1)  # doctest: +SKIP
        tensor([3, 8, 8, 0])
    """

    def __init__(self, model: nn.Module, about: dict[str, Any], device: str = "cpu") -> None:
        self.model = model.to(device).eval()
        self.about = about
        self.device = device
        self.class_names: tuple[str, ...] = tuple(about["class_names"])
        given = about["input"]
        self.channels: int = given["channels"]
        self.size: tuple[int, int] = tuple(given["size"])
        self._mean = torch.tensor(given["mean"], device=device).view(-1, 1, 1)
        self._std = torch.tensor(given["std"], device=device).view(-1, 1, 1)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> Predictor:
        """The network of a checkpoint with its weights.

        Args:
            path: a run folder, its `checkpoints` folder, or the file.
            device: where to run.

        Raises:
            ValueError: if there is no checkpoint, it is of no classifier of pictures, or it does
                not say how to build its network, or its weights do not fit.
        """
        file = find_checkpoint(path)
        checkpoint = read_checkpoint(file)
        about = checkpoint.state
        if about.get("kind") != "classification" or "mean" not in about.get("input", {}):
            raise ValueError(
                f"'checkpoint' must be of a classifier of pictures, got {str(file)!r} of "
                f"{about.get('title', 'an unfinished run')!r}. Give the folder of a finished run "
                "on pictures."
            )
        return cls(build_network(checkpoint, file), about, device)

    def __call__(self, pictures: Tensor) -> Tensor:
        """The probability of each class.

        Args:
            pictures: uint8 from 0 to 255. Shape (B, C, H, W), of the training's size.

        Returns:
            float32 of shape (B, num_classes); rows sum to 1.

        Raises:
            TypeError: if the pictures are not uint8.
            ValueError: if their shape is not that of the training.
        """
        if pictures.dtype != torch.uint8:
            raise TypeError(
                f"'pictures' must be uint8, got {pictures.dtype}. Give pixels from 0 to 255."
            )
        expected = (self.channels, *self.size)
        if pictures.ndim != 4 or tuple(pictures.shape[1:]) != expected:
            raise ValueError(
                f"'pictures' must have shape (B, {', '.join(map(str, expected))}) as in "
                f"training, got {tuple(pictures.shape)}. Convert and resize them."
            )
        rows = [self._probabilities(batch.to(self.device)) for batch in pictures.split(BATCH)]
        return torch.cat(rows) if rows else torch.empty(0, len(self.class_names))

    def _probabilities(self, pictures: Tensor) -> Tensor:
        x = (pictures.float() / 255 - self._mean) / self._std
        x = x.contiguous(memory_format=torch.channels_last)
        views = self.about["input"].get("test_views", "none")
        with torch.inference_mode(), arithmetic(self.device, self.about["precision"]):
            output = mean_answer(self.model, x, Grid(self.size), views)
        return output.float().softmax(1).cpu()

    def read(self, path: str | os.PathLike[str]) -> tuple[Tensor, Sequence[str]]:
        """A picture from a file as the network wants it, and what had to be changed.

        Returns:
            uint8 of shape (C, H, W), and a sentence for each change that loses something.

        Raises:
            ValueError: if the file is no picture that can be read.
        """
        return read_picture(path, self.size, self.channels)


def find_checkpoint(path: str | os.PathLike[str]) -> Path:
    """The file of the kept weights.

    Args:
        path: a run folder, its `checkpoints` folder, or the file.

    Raises:
        ValueError: if it is not there.
    """
    given = Path(path)
    places = [given, given / "best.safetensors", given / "checkpoints" / "best.safetensors"]
    for place in places:
        if place.is_file():
            return place
    raise ValueError(
        f"'checkpoint' must be a run folder, its checkpoints folder or a file in it, got "
        f"{str(given)!r}, where there is no best.safetensors. Name the folder of a finished run."
    )


def build_network(checkpoint: Checkpoint, file: Path) -> nn.Module:
    """The network of a checkpoint with its weights.

    Args:
        checkpoint: as it was read.
        file: from where, for errors.

    Raises:
        ValueError: if it does not say how to build its network, or its weights do not fit.
    """
    spec = checkpoint.state.get("spec")
    if spec is None:
        raise ValueError(
            f"'checkpoint' must name its network, got {str(file)!r}, whose network was not one of "
            "gnnvision.models. Build it yourself and load the file's tensors into it."
        )
    return with_weights(models.build(spec["name"], **spec["arguments"]), checkpoint, file)


def with_weights(model: nn.Module, checkpoint: Checkpoint, file: Path) -> nn.Module:
    """The same network, with the weights of a checkpoint.

    Args:
        model: the network of the run.
        checkpoint: as it was read.
        file: from where, for errors.

    Raises:
        ValueError: if they do not fit.
    """
    try:
        model.load_state_dict(checkpoint.tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(
            f"'checkpoint' must hold the weights of {_name(model)}, got others in {str(file)!r} "
            f"({reason}). Give the checkpoint as the run left it."
        ) from error
    return model


def _name(model: nn.Module) -> str:
    spec = getattr(model, "spec", None)
    return spec["name"] if spec else type(model).__name__
