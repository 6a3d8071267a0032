"""Arguments and methods of torch-geometric's layers that ours accept only at their defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from torch import nn

from gnnvision.errors import invalid, wrong_dtype

__all__ = ["MessagePassingNames", "check_defaults"]

# Arguments of every layer of torch-geometric.
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "aggr": ("add", "sum"),
    "aggr_kwargs": (None,),
    "flow": ("source_to_target",),
    "node_dim": (-2,),
    "decomposed_layers": (1,),
}
_ADVICE = {
    "aggr": "Only sums and means are operators; see the layers that offer 'aggr'.",
    "flow": "Reverse the edges with edge_index.flip(0).",
    "node_dim": "Put the nodes first, or second in a batch of signals.",
}
_MESSAGES = ("message", "aggregate", "message_and_aggregate", "update", "edge_update")


def check_defaults(layer: object, given: dict[str, Any], **defaults: object) -> None:
    """Check that arguments of torch-geometric's layer have their default values.

    Args:
        layer: ours.
        given: the arguments that it does not name itself.
        defaults: the further arguments of torch-geometric's layer, with their default values.

    Raises:
        TypeError: if torch-geometric's layer has no such argument either.
        ValueError: if one has another value.
    """
    known = _DEFAULTS | {name: (value,) for name, value in defaults.items()}
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"{type(layer).__name__} got an unexpected keyword argument {name!r}")
        if not any(type(value) is type(fits) and value == fits for fits in known[name]):
            advice = _ADVICE.get(name, "Leave it out; the formula of the layer does not have it.")
            condition = f"be {known[name][0]!r} for {type(layer).__name__}"
            raise invalid(name, condition, repr(value), advice)


class MessagePassingNames(nn.Module):
    """Methods of torch-geometric's `MessagePassing` that a sum of operators does not have."""

    def __init__(self) -> None:
        super().__init__()
        for name in _MESSAGES:
            if hasattr(type(self), name):
                advice = "Define `operators`, or use torch_geometric.nn.MessagePassing."
                got = f"one in {type(self).__name__}"
                condition = "not be overridden: the layer is a sum of operators without messages"
                raise wrong_dtype(name, condition, got, advice)

    # torch.fx replaces that of nn.Module: this one lets it call `forward`, which refuses it.
    __call__ = nn.Module.__call__

    def __prepare_scriptable__(self) -> NoReturn:
        advice = "Use torch.compile, torch.export or result.export instead."
        got = type(self).__name__
        raise wrong_dtype("obj", "be without graph layers for torch.jit.script", got, advice)

    @property
    def flow(self) -> str:
        """The direction of messages, always from source to target."""
        return "source_to_target"

    @flow.setter
    def flow(self, value: str) -> None:
        check_defaults(self, {"flow": value})


def _refused(name: str) -> Callable[..., NoReturn]:
    def refuse(self: nn.Module, *args: object, **named: object) -> NoReturn:
        """Refused: a sum of operators passes no messages."""
        advice = "Hook the layer itself, or use torch_geometric.nn.MessagePassing."
        condition = "not be used: a sum of operators passes no messages"
        raise wrong_dtype(name, condition, type(self).__name__, advice)

    return refuse


for _name in ("propagate", "edge_updater", "jittable"):
    setattr(MessagePassingNames, _name, _refused(_name))
for _hooked in ("propagate", "message", "aggregate", "message_and_aggregate", "edge_update"):
    for _name in (f"register_{_hooked}_forward_pre_hook", f"register_{_hooked}_forward_hook"):
        setattr(MessagePassingNames, _name, _refused(_name))
