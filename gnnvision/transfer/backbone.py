"""A trained network as a backbone: feature extraction, and a replaceable head."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gnnvision import models
from gnnvision.domains import Domain
from gnnvision.errors import at_least
from gnnvision.layers import FromSignal, OnDomain, Rescale, Sequential
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import attached
from gnnvision.training.blocks import Block, blocks, last_linear
from gnnvision.transfer.freeze import is_frozen
from gnnvision.transfer.preprocessing import Preprocessing

__all__ = ["Backbone"]

_OUTPUTS = ("num_classes", "num_outputs")  # the argument of a builder that sets the outputs


class Backbone(nn.Module, OnDomain):
    """A trained network whose head (the last linear layer) can be replaced for another task.

    `network` remains an ordinary network of its kind, before and after its head is replaced, and
    so do its checkpoints. `reset_parameters`, which `fit` calls for each seed, initializes only
    the head.

    Args:
        network: a network that ends in a linear layer, optionally followed by layers without
            weights.
        preprocessing: the preprocessing of the input; None if unknown.
        name: the name in messages and reports.

    Shapes:
        Input as for the network: images (B, C, H, W), or node features (N, C) and their graph.
        `features`: (B, num_features), one row per image, graph or node.

    Raises:
        ValueError: if the network does not end in a linear layer.

    Example:
        >>> import torch
        >>> backbone = Backbone(models.whitened_cnn(widths=(8, 16, 16)))
        >>> backbone.reset_head(2)
        >>> backbone.features(torch.zeros(5, 3, 32, 32)).shape, backbone.head[0].out_features
        (torch.Size([5, 16]), 2)
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing | None = None,
        name: str = "",
    ) -> None:
        super().__init__()
        last_linear(network)
        self.network = network
        self.preprocessing = preprocessing
        self.name = name or type(network).__name__
        for module in network.modules():
            if isinstance(module, FromSignal):
                # Keep the weights that it computed from its own training data.
                vars(module)["initialize"] = _keep

    @property
    def head(self) -> Sequential:
        """The last linear layer and all that follows: (B, num_features) -> (B, num_outputs)."""
        name, layer = last_linear(self.network)
        return Sequential(layer, *_layers_after(self.network, name))

    @property
    def blocks(self) -> list[Block]:
        """The blocks before the head, in order from the input."""
        return blocks(self.network)

    @property
    def num_features(self) -> int:
        """The number of input features of the head."""
        return last_linear(self.network)[1].in_features

    @property
    def spec(self) -> dict[str, Any] | None:
        """The name and arguments that `models.build` needs for `network`; None if unknown."""
        return vars(self.network).get("spec")

    def features(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """The input of the head."""
        kept: list[Tensor] = []

        def keep(module: nn.Module, given: tuple[Any, ...]) -> None:
            kept.append(given[0])

        with attached([last_linear(self.network)[1].register_forward_pre_hook(keep)]):
            self(x, domain)
        return kept[-1]

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """The output of the network: logits, or values in the units of the targets."""
        return call(self.network, x, domain)

    def out_domain(self, domain: Domain) -> Domain | None:
        """The domain of the output; None if there is one output per image or graph."""
        return self.network.out_domain(domain) if isinstance(self.network, OnDomain) else None

    def reset_head(self, num_classes: int) -> None:
        """Replace the last linear layer by a newly initialized one.

        Args:
            num_classes: its number of outputs: classes or targets.

        Raises:
            ValueError: if it is below 1.
        """
        at_least("num_classes", num_classes, 1)
        name, old = last_linear(self.network)
        new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
        _replace(self.network, name, new.to(old.weight.device, old.weight.dtype))
        for module_name, module in list(self.network.named_modules()):
            if isinstance(module, Rescale):
                _replace(self.network, module_name, Rescale(num_classes).to(old.weight.device))
        self._set_num_classes(num_classes)

    def reset_parameters(self) -> None:
        """Reinitialize the head; all other weights are kept."""
        last_linear(self.network)[1].reset_parameters()

    def train(self, mode: bool = True) -> Backbone:
        """Set the mode as for any module, but keep frozen modules in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if is_frozen(module):
                module.training = False
        return self

    def _set_num_classes(self, num_classes: int) -> None:
        """Update the network's attributes to its new number of outputs."""
        if isinstance(self.network, models.TorchvisionNetwork):
            self.network.num_classes = num_classes
        if self.spec is not None:
            arguments = dict(self.spec["arguments"])
            arguments |= {name: num_classes for name in _OUTPUTS if name in arguments}
            vars(self.network)["spec"] = {"name": self.spec["name"], "arguments": arguments}

    def extra_repr(self) -> str:
        """The name."""
        return self.name


def _layers_after(network: nn.Module, head: str) -> list[nn.Module]:
    """The layers after the head, if it is in a sequence of layers."""
    out: list[nn.Module] = []
    name = head
    while name:
        parent, _, child = name.rpartition(".")
        around = network.get_submodule(parent)
        if isinstance(around, nn.Sequential):
            names = list(around._modules)
            out += [m for n in names[names.index(child) + 1 :] if (m := around._modules[n])]
        name = parent
    return out


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)


def _keep(x: Tensor) -> None:
    """Replaces `FromSignal.initialize`."""
