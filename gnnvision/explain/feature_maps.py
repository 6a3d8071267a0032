"""Feature maps: what a layer finds at each site of a picture or a graph."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.layers import Layer, as_layer, find_call
from gnnvision.operators.signals import is_sparse

__all__ = ["FeatureMaps", "feature_maps"]


@dataclass(frozen=True)
class FeatureMaps:
    """The output of one layer, channel by channel over the sites, alike on any domain.

    Args:
        values: one number for each member, channel and site. Shape (B, C, S) with the S sites
            of `domain`: B pictures on a grid, its pixels row by row; on a graph B is 1, as the
            members of a batch lie side by side in it.
        layer: what made them.
    """

    values: Tensor
    layer: Layer

    @property
    def domain(self) -> Domain:
        """Where they live: the grid or graph after the layer."""
        assert self.layer.domain is not None
        return self.layer.domain

    @property
    def num_channels(self) -> int:
        """How many maps there are."""
        return self.values.shape[1]

    def on_grid(self) -> Tensor:
        """The maps as pictures. Shape (B, C, *size).

        Raises:
            ValueError: if they live on a graph.
        """
        size = getattr(self.domain, "size", None)
        if size is None:
            raise ValueError(
                f"'domain' must be a Grid, got {self.domain}. Read `values`, a number for each "
                "node."
            )
        maps: Tensor = self.values.unflatten(2, size)
        return maps

    def constant(self) -> Tensor:
        """Which maps are the same at every site, and so show nothing. Shape (B, C), bool."""
        flat: Tensor = self.values.amax(2) == self.values.amin(2)
        return flat

    def varied(self, count: int, member: int = 0) -> list[int]:
        """The channels whose maps differ most from site to site, in their own order.

        Args:
            count: at most so many; constant ones only if there are no others.
            member: of which picture.
        """
        spread = self.values[member].float().var(1, correction=0)
        return sorted(spread.argsort(descending=True, stable=True)[:count].tolist())


def feature_maps(model: nn.Module, x: Tensor, domain: Domain, layer: str) -> FeatureMaps:
    """The maps of a layer, by its name.

    They are copied when the layer returns, so what works in place after it changes nothing.

    Args:
        model: any network for pictures, or one for graphs as ours are; used in evaluation mode
            and left as it was found.
        x: the signal. Shape (B, C, H, W) on a grid, (N, C) on a graph.
        domain: where it lives.
        layer: of any module in the model; `layers` lists them. Of one that is called several
            times it is the last.

    Raises:
        ValueError: if there is no such layer, with the nearest names, or its output has no sites.

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
    return FeatureMaps(_by_channel(output, call.channel_dim), as_layer(call))


def _by_channel(output: Tensor, channel_dim: int) -> Tensor:
    """(B, C, *size) or (N, C) -> (B, C, S)."""
    if output.ndim == 2:
        return output.T[None].contiguous()
    return output.movedim(channel_dim, 1).flatten(2)
