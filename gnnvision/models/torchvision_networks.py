"""Networks of torchvision, with the interface of the other networks."""

from __future__ import annotations

from torch import Tensor, nn

from gnnvision._extras import require_extra
from gnnvision.domains import Domain
from gnnvision.errors import invalid, nearest
from gnnvision.layers import OnDomain
from gnnvision.models.parts import ImageSize, grid_of
from gnnvision.models.registry import register

__all__ = ["TorchvisionNetwork", "torchvision_network"]

# Networks in the lecture notes that torchvision does not have, and the most similar one there.
_ABSENT = {"xception": "inception_v3"}
_LEAST_SIZE = {"inception_v3": 75}
_WITH_SIDE_OUTPUT = ("googlenet", "inception_v3")


class TorchvisionNetwork(nn.Module, OnDomain):
    """A classification network of torchvision, which can be called with the domain of its images.

    Args:
        name: as in torchvision, for example "resnet18".
        num_classes: classes; the outputs are logits.
        weights: None, or the name of pretrained weights in torchvision, for example "DEFAULT";
            the head is a new one if they have another number of classes.
        in_channels: channels of an image. If it is not 3, the first convolution is a new one.
            With pretrained weights and one channel, its weights are the sum over the three
            channels: a gray image then has the output of the same image in RGB.

    Raises:
        ValueError: if torchvision has no such network or weights, or the channels do not fit.
    """

    def __init__(
        self,
        name: str,
        num_classes: int = 1000,
        weights: str | None = None,
        *,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.name = name
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.network = self._make(weights)

    def _make(self, weights: str | None) -> nn.Module:
        network = _load(self.name, self.num_classes, weights)
        head = _last_linear(network)
        if head[1].out_features != self.num_classes:
            _replace(network, head[0], nn.Linear(head[1].in_features, self.num_classes))
        if self.in_channels != 3:
            _replace(network, *_first_convolution(network, self.in_channels, weights is not None))
        return network

    def reset_parameters(self) -> None:
        """Initialize all weights as torchvision does, also pretrained ones."""
        self.network.load_state_dict(self._make(None).state_dict())

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """The logits: (B, in_channels, H, W) -> (B, num_classes)."""
        out: Tensor = self.network(x)
        return out

    def out_domain(self, domain: Domain) -> None:
        """None: the output has no domain."""
        return None


@register
def torchvision_network(
    name: str,
    num_classes: int = 1000,
    weights: str | None = None,
    *,
    in_channels: int = 3,
    image_size: ImageSize = 224,
) -> TorchvisionNetwork:
    """A classification network of torchvision, for example "resnet50".

    Args:
        name: as in torchvision.
        num_classes: classes; the outputs are logits.
        weights: None, or the name of pretrained weights, for example "DEFAULT"; see
            `TorchvisionNetwork`. They are downloaded if they are not on disk.
        in_channels: channels of an image.
        image_size: (H, W), or one number for a square; only checked.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if there is no such network, with the closest name; if it has no such weights;
            or if the images are too small.

    References:
        https://docs.pytorch.org/vision/stable/models.html

    Example:
        >>> sum(p.numel() for p in torchvision_network("resnet18", 10).parameters())
        11181642
    """
    least = _LEAST_SIZE.get(name, 1)
    if min(grid_of(image_size).shape) < least:
        condition = f"be at least {least} for {name}"
        raise invalid("image_size", condition, image_size, "Use larger images.")
    return TorchvisionNetwork(name, num_classes, weights, in_channels=in_channels)


def _load(name: str, num_classes: int, weights: str | None) -> nn.Module:
    require_extra("images", f"The network {name!r}", "torchvision")
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        similar = _ABSENT.get(name.lower())
        advice = f"Did you mean {nearest(name, known, cutoff=0.0)[0]!r}?"
        if similar:
            advice = f"It is not in torchvision; the most similar network there is {similar!r}."
        raise invalid("name", "be a network of torchvision", repr(name), advice)
    options: dict[str, bool] = {}
    if name in _WITH_SIDE_OUTPUT:
        # Without the auxiliary output of training, and with the usual normalization of the input.
        options = {"aux_logits": False, "transform_input": True}
        options |= {"init_weights": True} if weights is None else {}
    if weights is None:
        network: nn.Module = models.get_model(name, num_classes=num_classes, **options)
        return network
    names = [entry.name for entry in models.get_model_weights(name)]
    if weights not in (*names, "DEFAULT"):
        raise ValueError(
            f"'weights' of {name} must be None, 'DEFAULT' or one of {', '.join(names)}, got "
            f"{weights!r}. Choose one of them."
        )
    loaded: nn.Module = models.get_model(name, weights=weights, **options)
    return loaded


def _last_linear(network: nn.Module) -> tuple[str, nn.Linear]:
    found = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear)]
    if not found:
        raise invalid(
            "name",
            "be a network that ends in a dense layer",
            type(network).__name__,
            "Use torchvision itself for this one.",
        )
    return found[-1]


def _first_convolution(
    network: nn.Module, in_channels: int, trained: bool
) -> tuple[str, nn.Conv2d]:
    """The name of the first convolution, and a new one for another number of channels."""
    name, old = next((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d))
    shifts_channels = hasattr(network, "transform_input")  # normalizes each of three channels
    if trained and (in_channels != 1 or shifts_channels):
        allowed = "3" if shifts_channels else "3 or 1"
        condition = f"be {allowed} with pretrained weights"
        raise invalid("in_channels", condition, in_channels, "Use weights=None.")
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    if trained:
        new.weight.data = old.weight.data.sum(1, keepdim=True)
        if old.bias is not None and new.bias is not None:
            new.bias.data = old.bias.data.clone()
    if shifts_channels:
        vars(network)["transform_input"] = False
    return name, new


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)


def _register_as(name: str) -> None:
    def build(
        num_classes: int = 1000,
        weights: str | None = None,
        *,
        in_channels: int = 3,
        image_size: ImageSize = 224,
    ) -> TorchvisionNetwork:
        return torchvision_network(
            name, num_classes, weights, in_channels=in_channels, image_size=image_size
        )

    build.__name__ = name
    register(build)


for _name in (
    "resnet18", "resnet34", "resnet50", "vgg16", "vgg19", "inception_v3", "mobilenet_v2",
):  # fmt: skip
    _register_as(_name)
