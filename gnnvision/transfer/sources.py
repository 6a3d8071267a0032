"""Load backbones: from torchvision, from timm, and from checkpoints of gnnvision runs."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn

from gnnvision import models
from gnnvision._extras import require_extra
from gnnvision.domains import Domain
from gnnvision.errors import invalid
from gnnvision.layers import OnDomain
from gnnvision.training import find_checkpoint
from gnnvision.training.blocks import last_linear
from gnnvision.training.stored import read_trained
from gnnvision.training.stored_network import build_network
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.preprocessing import ImagePreprocessing, preprocessing_of
from gnnvision.transfer.weights import load_weights, num_outputs_of, read_weights
from gnnvision.transfer.weights_file import TORCH_ENDINGS

__all__ = ["WeightsNotFound", "load_backbone", "timm_network"]

Weights = str | os.PathLike[str] | None


class WeightsNotFound(ValueError):
    """Weights are not on disk and could not be downloaded."""


def load_backbone(source: str | os.PathLike[str], weights: Weights = "DEFAULT") -> Backbone:
    """Load a pretrained network as a backbone, whose head can be replaced.

    Args:
        source: a torchvision network, "resnet18" or "torchvision:resnet18"; a timm network,
            "timm:NAME", if timm is installed; or a run folder or checkpoint of gnnvision, on
            images or molecules.
        weights: for torchvision and timm. "DEFAULT" or another name loads them from torch's
            folder (`TORCH_HOME`) or downloads them and checks their SHA-256. A path loads a
            file of weights, see `read_weights`. None initializes them randomly. Checkpoints
            have their own weights.

    Raises:
        ValueError: if there is no such network or checkpoint, or the weights could not be
            downloaded, are damaged, belong to another network or would execute code.

    Example:
        >>> backbone = load_backbone("resnet18", weights=None)
        >>> backbone.num_features, backbone.preprocessing.size, len(backbone.blocks)
        (512, (224, 224), 10)
    """
    name = os.fspath(source)
    if name.startswith("timm:"):
        return _timm(name.removeprefix("timm:"), weights)
    if _is_path(name):
        return _from_checkpoint(name)
    return _torchvision(name.removeprefix("torchvision:"), weights)


def _is_path(name: str) -> bool:
    return os.sep in name or name.endswith(".safetensors") or Path(name).exists()


def _from_checkpoint(path: str) -> Backbone:
    if path.endswith(TORCH_ENDINGS):
        advice = (
            "A file of weights does not name its network: write for example "
            f"load_backbone('resnet18', {path!r})."
        )
        raise invalid("source", "be the name of a network or a run folder", repr(path), advice)
    file = find_checkpoint(path)
    checkpoint = read_trained(file)
    network = build_network(checkpoint, file)
    given = preprocessing_of(checkpoint.state.get("input", {}))
    title = checkpoint.state.get("title", "another run")
    return Backbone(network, given, f"{checkpoint.state['spec']['name']} trained on {title}")


def _torchvision(name: str, weights: Weights) -> Backbone:
    require_extra("images", f"The network {name!r}", "torchvision")
    from torchvision import models as zoo

    network = _by_name(name)
    facts = next(iter(zoo.get_model_weights(name)))
    if weights is not None and _is_file(weights):
        file = os.fspath(weights)
        tensors = read_weights(file, network.network, name)
        outputs = num_outputs_of(tensors, last_linear(network.network)[0])
        if outputs not in (None, network.num_classes):
            network = _by_name(name, outputs)
        load_weights(network.network, tensors, name, file)
    elif weights is not None:
        wanted = os.fspath(weights)
        network = _downloaded(name, wanted)
        facts = zoo.get_model_weights(name)[wanted]
    return Backbone(network, _image_preprocessing(facts.transforms()), name)


def _by_name(
    name: str, num_classes: int | None = None, weights: str | None = None
) -> models.TorchvisionNetwork:
    """A network that `models.build` can recreate, under its own name if it is registered."""
    size = {"image_size": 299} if name == "inception_v3" else {}
    arguments: dict[str, Any] = {"num_classes": num_classes or 1000, "weights": weights, **size}
    if name in models.names():
        made = models.build(name, **arguments)
        if isinstance(made, models.TorchvisionNetwork):
            return made
    return models.torchvision_network(name, **arguments)


def _downloaded(name: str, weights: str) -> models.TorchvisionNetwork:
    """A network with named weights, from torch's folder or downloaded."""
    from torchvision import models as zoo

    try:
        return _by_name(name, weights=weights)
    except (URLError, OSError, RuntimeError) as error:
        place = Path(torch.hub.get_dir()) / "checkpoints"
        reason, url = str(error).splitlines()[0], zoo.get_model_weights(name)[weights].url
        raise WeightsNotFound(
            f"'weights' must be on disk or downloadable, got {weights!r} of {name} "
            f"({reason}). Download {url} elsewhere and put the file {Path(url).name} into "
            f"{place}, or pass weights=FILE."
        ) from error


def _image_preprocessing(preset: Any) -> ImagePreprocessing:  # noqa: ANN401 - torchvision's class
    side = preset.crop_size[0]
    return ImagePreprocessing(
        (side, side), preset.resize_size[0], tuple(preset.mean), tuple(preset.std)
    )


def _is_file(weights: Weights) -> bool:
    if isinstance(weights, os.PathLike):
        return True
    text = weights or ""
    return os.sep in text or "." in text or (text != "DEFAULT" and Path(text).is_file())


class TimmNetwork(nn.Module, OnDomain):
    """A network of timm whose `forward` also accepts a domain.

    Args:
        network: created by timm.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """The logits: (B, C, H, W) -> (B, num_classes)."""
        out: Tensor = self.network(x)
        return out

    def out_domain(self, domain: Domain) -> None:
        """None: there is one output per image."""
        return None


@models.register
def timm_network(name: str, num_classes: int = 1000, weights: str | None = None) -> TimmNetwork:
    """A network of timm, a library of image models, if it is installed.

    Args:
        name: of the network in timm.
        num_classes: number of classes; the outputs are logits.
        weights: None, or "DEFAULT" for timm's pretrained weights.

    Raises:
        ValueError: if timm is not installed or has no such network.

    References:
        https://github.com/huggingface/pytorch-image-models
    """
    if find_spec("timm") is None:
        got = f"'timm:{name}', but timm is not installed"
        advice = "Install timm, or choose a network of torchvision."
        raise invalid("name", "be a network of an installed library", got, advice)
    import timm

    try:
        trained = weights is not None
        return TimmNetwork(timm.create_model(name, pretrained=trained, num_classes=num_classes))
    except RuntimeError as error:
        got = f"{name!r} ({error})"
        raise invalid("name", "be a network of timm", got, "See timm.list_models().") from error


def _timm(name: str, weights: Weights) -> Backbone:
    file = os.fspath(weights) if weights is not None and _is_file(weights) else None
    wanted = None if file is not None or weights is None else os.fspath(weights)
    network = timm_network(name, weights=wanted)
    if file is not None:
        tensors = read_weights(file, network.network, name)
        outputs = num_outputs_of(tensors, last_linear(network.network)[0])
        if outputs is not None:
            network = timm_network(name, outputs)
        load_weights(network.network, tensors, name, file)
    given = vars(network.network).get("pretrained_cfg", {})
    side = tuple(given.get("input_size", (3, 224, 224)))
    resize = round(side[1] / given.get("crop_pct", 0.875))
    mean, std = tuple(given.get("mean", ())), tuple(given.get("std", ()))
    usual = ImagePreprocessing()
    made = ImagePreprocessing(
        (side[1], side[2]), resize, mean or usual.mean, std or usual.std, side[0]
    )
    return Backbone(network, made, f"timm:{name}")
