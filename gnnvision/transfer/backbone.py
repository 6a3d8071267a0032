"""A trained network as a backbone: what it sees, and a head that can be a new one."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gnnvision import models
from gnnvision.domains import Domain
from gnnvision.layers import FromSignal, OnDomain, Rescale, Sequential
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import attached
from gnnvision.training.blocks import Block, blocks, last_linear
from gnnvision.transfer.freeze import is_frozen
from gnnvision.transfer.preprocessing import Preprocessing

__all__ = ["Backbone"]

_OUTPUTS = ("num_classes", "num_outputs")  # how builders name them


class Backbone(nn.Module, OnDomain):
    """A network with weights, of which all but the last dense layer may serve another task.

    The network stays whole: `network` is an ordinary one of its kind, before and after its head
    is replaced, so that its checkpoints are too. To draw the first weights of a new seed
    (`fit` does so) draws those of the head.

    Args:
        network: ends in a dense layer, and perhaps layers without weights behind it.
        preprocessing: what its input must be; None where nothing is known.
        name: for people.

    Shapes:
        Input as the network's: pictures (B, C, H, W), or node features (N, C) and their graph.
        `features`: (B, num_features), a row for each picture, graph or node.

    Raises:
        ValueError: if the network does not end in a dense layer.

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
                # Its weights have been set by the data it was trained on, and stay.
                vars(module)["initialize"] = _keep

    @property
    def head(self) -> Sequential:
        """The last dense layer and what follows it: (B, num_features) -> (B, num_outputs)."""
        name, layer = last_linear(self.network)
        return Sequential(layer, *_behind(self.network, name))

    @property
    def blocks(self) -> list[Block]:
        """The parts before the head, from the input on."""
        return blocks(self.network)

    @property
    def num_features(self) -> int:
        """How many numbers enter the head."""
        return last_linear(self.network)[1].in_features

    @property
    def spec(self) -> dict[str, Any] | None:
        """How `models.build` makes `network` again; None where that is not known."""
        return vars(self.network).get("spec")

    def features(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """What enters the head."""
        kept: list[Tensor] = []

        def keep(module: nn.Module, given: tuple[Any, ...]) -> None:
            kept.append(given[0])

        with attached([last_linear(self.network)[1].register_forward_pre_hook(keep)]):
            self(x, domain)
        return kept[-1]

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """What the network says: logits, or values in the units of the targets."""
        return call(self.network, x, domain)

    def out_domain(self, domain: Domain) -> Domain | None:
        """The domain of the answers: None where there is one for each picture or graph."""
        return self.network.out_domain(domain) if isinstance(self.network, OnDomain) else None

    def reset_head(self, num_classes: int) -> None:
        """A new last layer with newly drawn weights, for so many classes or targets.

        Raises:
            ValueError: if there is not at least one.
        """
        if num_classes < 1:
            raise ValueError(
                f"'num_classes' must be at least 1, got {num_classes}. Give classes or targets."
            )
        name, old = last_linear(self.network)
        new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
        _replace(self.network, name, new.to(old.weight.device, old.weight.dtype))
        for module_name, module in list(self.network.named_modules()):
            if isinstance(module, Rescale):
                _replace(self.network, module_name, Rescale(num_classes).to(old.weight.device))
        self._note(num_classes)

    def reset_parameters(self) -> None:
        """Draw the weights of the head anew; those before it are what a backbone is for."""
        last_linear(self.network)[1].reset_parameters()

    def train(self, mode: bool = True) -> Backbone:
        """As of every module, but what is frozen stays in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if is_frozen(module):
                module.training = False
        return self

    def _note(self, num_classes: int) -> None:
        """Let the network say of itself how many outputs it has now."""
        if isinstance(self.network, models.TorchvisionNetwork):
            self.network.num_classes = num_classes
        if self.spec is not None:
            arguments = dict(self.spec["arguments"])
            arguments |= {name: num_classes for name in _OUTPUTS if name in arguments}
            vars(self.network)["spec"] = {"name": self.spec["name"], "arguments": arguments}

    def extra_repr(self) -> str:
        """The name."""
        return self.name


def _behind(network: nn.Module, head: str) -> list[nn.Module]:
    """The layers behind the head, where it is in a sequence of layers."""
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
    """In place of `FromSignal.initialize`."""
