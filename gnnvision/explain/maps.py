"""Feature maps: the output of a layer at each site of an image or a graph."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from gnnvision._renamed import former_arguments
from gnnvision.domains import Domain, Grid
from gnnvision.errors import invalid
from gnnvision.explain.layer import Layer
from gnnvision.explain.layer_list import find_call
from gnnvision.operators.signals import is_sparse

__all__ = ["FeatureMaps", "feature_maps"]


@dataclass(frozen=True)
class FeatureMaps:
    """The feature maps of one layer, in the same form for images and graphs.

    Args:
        values: shape (B, C, S) with the S sites of `domain`: on a grid B images and their pixels
            row by row; on a graph B is 1, as the graphs of a batch form one large graph.
        layer: the layer.
    """

    values: Tensor
    layer: Layer

    @property
    def domain(self) -> Domain:
        """The grid or graph of the layer's output."""
        assert self.layer.domain is not None
        return self.layer.domain

    @property
    def num_channels(self) -> int:
        """The number of maps."""
        return self.values.shape[1]

    def on_grid(self) -> Tensor:
        """The maps as images. Shape (B, C, *size).

        Raises:
            ValueError: if they are on a graph.
        """
        if not isinstance(self.domain, Grid):
            raise invalid("domain", "be a Grid", self.domain, "Use `values`, one for each node.")
        maps: Tensor = self.values.unflatten(2, self.domain.shape)
        return maps

    def constant(self) -> Tensor:
        """Which maps are constant over the sites. Shape (B, C), bool."""
        flat: Tensor = self.values.amax(2) == self.values.amin(2)
        return flat

    @former_arguments(member="sample")
    def varied(self, count: int, sample: int = 0) -> list[int]:
        """The channels whose maps have the largest variance over the sites, in ascending order.

        Args:
            count: the largest number of channels.
            sample: the index of the image.
        """
        spread = self.values[sample].float().var(1, correction=0)
        return sorted(spread.argsort(descending=True, stable=True)[:count].tolist())


def feature_maps(model: nn.Module, x: Tensor, domain: Domain, layer: str) -> FeatureMaps:
    """The feature maps of a layer.

    They are copied when the layer returns, so that later in-place operations do not change them.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x); run in evaluation
            mode, its state is restored.
        x: the signal. Shape (B, C, H, W) on a grid, (N, C) on a graph.
        domain: the grid or graph of the signal.
        layer: the name of any module in the model; `layers` lists them. If it is called several
            times, the maps are those of the last call.

    Raises:
        ValueError: if there is no such layer (the nearest names are suggested), or its output
            has no sites.

    Example:
        >>> import torch, gnnvision as gv
        >>> graph = gv.Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> model = gv.Sequential(gv.GCNConv(5, 8), nn.ReLU(), gv.Readout("mean"))
        >>> feature_maps(model, torch.ones(3, 5), graph, "0").values.shape
        torch.Size([1, 8, 3])
        >>> model = gv.Sequential(gv.Conv2d(3, 8, 3), nn.ReLU(), gv.Readout("mean"))
        >>> maps = feature_maps(model, torch.ones(2, 3, 9, 9), gv.Grid((9, 9)), "0")
        >>> maps.values.shape, maps.on_grid().shape
        (torch.Size([2, 8, 49]), torch.Size([2, 8, 7, 7]))
    """
    call = find_call(model, x, domain, layer, keep=True)
    output = call.output.to_dense() if is_sparse(call.output) else call.output
    if output.ndim == 2:
        return FeatureMaps(output.T[None].contiguous(), call.layer)
    return FeatureMaps(call.layer.channels_first(output).flatten(2), call.layer)
