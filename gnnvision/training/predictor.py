"""Predictions for new images with the network of a checkpoint."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision.data.images import read_image
from gnnvision.data.images.views import average_predictions
from gnnvision.data.paths import refuse_special
from gnnvision.domains import Grid
from gnnvision.errors import invalid, wrong_dtype
from gnnvision.models.arguments import fits
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.seed_run import arithmetic
from gnnvision.training.stored import check_tensors, checkpoint_errors, read_trained

__all__ = ["Predictor", "build_network", "check_call", "find_checkpoint"]

BATCH = 500
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # of a torchvision network: no URL, no path
_COUNTS = ("num_layers", "depth", "depths", "stages")  # arguments that count layers
_FEW, _MOST = 64, 2**24  # at most so many layers and list items; the largest number


class Predictor:
    """A trained image classifier.

    Args:
        model: the network with its weights.
        about: the description of the run in its checkpoint: classes, image size, normalization,
            precision.
        device: where to run the network.

    Example:
        >>> predictor = Predictor.load("runs/cnn_cifar/2026-01-01_12-00-00")  # doctest: +SKIP
        >>> predictor(images).argmax(1)  # doctest: +SKIP
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
            device: where to run the network.

        Raises:
            ValueError: if there is no checkpoint, or not of an image classifier, or if it does
                not name its network, or its weights do not fit.
        """
        file = find_checkpoint(path)
        checkpoint = read_trained(file)
        about = checkpoint.state
        if about.get("kind") != "classification" or "mean" not in about.get("input", {}):
            raise invalid(
                "checkpoint",
                "come from an image classification run",
                f"{str(file)!r}, a run on {about.get('title', 'an unknown dataset')!r}",
                "Give the folder of a finished run on images.",
            )
        predictor = cls(build_network(checkpoint, file), about, device)
        blank = torch.zeros(1, predictor.channels, *predictor.size, dtype=torch.uint8)
        check_call(file, lambda: predictor(blank), len(predictor.class_names))
        return predictor

    def __call__(self, images: Tensor) -> Tensor:
        """The probability of each class.

        Args:
            images: uint8 from 0 to 255. Shape (B, C, H, W), of the size used in training.

        Returns:
            float32 of shape (B, num_classes); rows sum to 1.

        Raises:
            TypeError: if the images are not uint8.
            ValueError: if they do not have the shape used in training.
        """
        if images.dtype != torch.uint8:
            raise wrong_dtype("images", "be uint8", images.dtype, "Give pixels from 0 to 255.")
        expected = (self.channels, *self.size)
        if images.ndim != 4 or tuple(images.shape[1:]) != expected:
            raise invalid(
                "images",
                f"have shape (B, {', '.join(map(str, expected))}) as in training",
                tuple(images.shape),
                "Convert and resize them.",
            )
        rows = [self._probabilities(batch.to(self.device)) for batch in images.split(BATCH)]
        return torch.cat(rows) if rows else torch.empty(0, len(self.class_names))

    def _probabilities(self, images: Tensor) -> Tensor:
        x = (images.float() / 255 - self._mean) / self._std
        x = x.contiguous(memory_format=torch.channels_last)
        views = self.about["input"].get("test_views", "none")
        with torch.inference_mode(), arithmetic(self.device, self.about["precision"]):
            output = average_predictions(self.model, x, Grid(self.size), views)
        return output.float().softmax(1).cpu()

    def read(self, path: str | os.PathLike[str]) -> tuple[Tensor, Sequence[str]]:
        """Read an image in the size and channels of the network, with notes on conversions.

        Returns:
            uint8 of shape (C, H, W), and a sentence for each change that loses information.

        Raises:
            ValueError: if the file cannot be read as an image.
        """
        return read_image(path, self.size, self.channels)


def find_checkpoint(path: str | os.PathLike[str]) -> Path:
    """The path of the file with the kept weights of a run.

    Args:
        path: a run folder, its `checkpoints` folder, or the file.

    Raises:
        ValueError: if there is no such file.
    """
    given = Path(path)
    places = [given, given / "best.safetensors", given / "checkpoints" / "best.safetensors"]
    for place in places:
        if place.is_file():
            return place
    refuse_special(given, "checkpoint")
    raise invalid(
        "checkpoint",
        "be a run folder, its checkpoints folder or a file in it",
        f"{str(given)!r}, where there is no best.safetensors",
        "Name the folder of a finished run.",
    )


def build_network(checkpoint: Checkpoint, file: Path) -> nn.Module:
    """The network of a checkpoint with its weights.

    Args:
        checkpoint: the checkpoint.
        file: its file, for errors.

    Raises:
        ValueError: if it does not name its network, or its weights do not fit.
    """
    spec = checkpoint.state.get("spec")
    if spec is None:
        raise invalid(
            "checkpoint",
            "name its network",
            f"{str(file)!r}, whose network was not one of gnnvision.models",
            "Build it yourself and load the file's tensors into it.",
        )
    with checkpoint_errors(file):
        name, arguments = _checked_spec(spec, len(checkpoint.tensors))
        # Shapes alone: no memory for weights that the file may not have.
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of layers without a weight
            like = models.build(name, **arguments)
    _check_weights(like, checkpoint, file)
    with checkpoint_errors(file):
        return with_weights(models.build(name, **arguments), checkpoint, file)


def with_weights(model: nn.Module, checkpoint: Checkpoint, file: Path) -> nn.Module:
    """The network, with the weights of a checkpoint loaded into it.

    Args:
        model: the network of the run.
        checkpoint: the checkpoint.
        file: its file, for errors.

    Raises:
        ValueError: if they do not fit.
    """
    _check_weights(model, checkpoint, file)
    model.load_state_dict(checkpoint.tensors)
    return model


def _check_weights(model: nn.Module, checkpoint: Checkpoint, file: Path) -> None:
    try:
        check_tensors(checkpoint.tensors, model.state_dict())
    except ValueError as error:
        spec = getattr(model, "spec", None)
        name = spec["name"] if spec else type(model).__name__
        raise invalid(
            "checkpoint",
            f"have the weights of {name}",
            f"different ones in {str(file)!r} ({error})",
            "Give the checkpoint of a run of this network.",
        ) from error


def check_call(file: Path, predict: Callable[[], Tensor], outputs: int) -> None:
    """Check that a network has the inputs and outputs that its checkpoint describes.

    Args:
        file: the file of its checkpoint.
        predict: calls the network with one item.
        outputs: the number of outputs that the checkpoint describes.

    Raises:
        ValueError: if the call fails or has another number of outputs.
    """
    with checkpoint_errors(file):
        output = predict()
        if output.shape != (1, outputs):
            raise ValueError(f"{outputs} names for {output.shape[-1]} outputs")


def _checked_spec(spec: Any, tensors: int) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - of JSON
    """The name and the arguments of a network, refused where they could do harm.

    Args:
        spec: from the JSON of a checkpoint, which may come from somebody else.
        tensors: number of tensors in the file.
    """
    if not fits(spec, dict[str, Any]) or not fits(spec.get("name"), str):
        raise ValueError("'spec' has no name of a network")
    name, arguments = spec["name"], spec.get("arguments")
    if name not in models.names():
        raise ValueError(f"'spec' names {name[:60]!r}, which is not in gnnvision.models")
    if not fits(arguments, dict[str, Any]):
        raise ValueError("'spec' has no arguments")
    for argument, kind in models.argument_types(name).items():
        if argument in arguments and not fits(arguments[argument], kind):
            raise ValueError(f"'{argument}' of {name} is {str(arguments[argument])[:60]!r}")
    if arguments.get("weights") is not None:
        raise ValueError("'weights' is not null, which a run never writes")
    if not _PLAIN_NAME.fullmatch(arguments.get("name", "x")):
        raise ValueError(f"'name' of {name} is {arguments['name'][:60]!r}")
    for argument, value in arguments.items():
        values = value if isinstance(value, list) else [value]
        most = max(_FEW, tensors) if argument in _COUNTS else _MOST
        if len(values) > _FEW or any(
            isinstance(item, (int, float)) and not -most <= item <= most for item in values
        ):
            raise ValueError(f"'{argument}' of {name} is {str(value)[:60]}")
    return name, arguments
