"""Our layers in models that torch-geometric's `to_hetero` transforms."""

from __future__ import annotations

from typing import Any

from torch import nn

from gnnvision._extras import require_extra

require_extra("pyg", "MessagePassingLayer")
from torch_geometric.nn import MessagePassing  # noqa: E402

__all__ = ["MessagePassingLayer"]


class MessagePassingLayer(MessagePassing):  # type: ignore[misc]
    """A graph layer as a `torch_geometric.nn.MessagePassing`.

    `to_hetero` and `to_hetero_with_bases` copy such modules for each edge type. All else takes our
    layers as they are.

    Args:
        layer: one of ours that supports bipartite graphs, as SAGEConv.

    Example:
        >>> import torch
        >>> from gnnvision.layers import SAGEConv
        >>> layer = MessagePassingLayer(SAGEConv((-1, -1), 2))
        >>> layer((torch.ones(3, 4), torch.ones(2, 5)), torch.tensor([[0, 2], [1, 0]])).shape
        torch.Size([2, 2])
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.add_self_loops = getattr(layer, "add_self_loops", False)  # refused between node types

    def reset_parameters(self) -> None:
        """Initialize the parameters of the layer."""
        self.layer.reset_parameters()  # type: ignore[operator]

    def forward(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        """The output of the layer, for the arguments that it takes."""
        return self.layer(*args, **named)
