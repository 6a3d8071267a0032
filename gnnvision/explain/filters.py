"""Filters: the weights of a convolution, as what they look for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from torch import Tensor, nn

from gnnvision.layers import Convolution

__all__ = ["Filters", "filters"]

_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Filters:
    """The weights of one convolution, alike on any domain: Wₖ of Y = Σₖ Sₖ X Wₖ + b.

    Args:
        values: the taps. Shape (K, C_in, C_out), K the offsets of a kernel row by row, or the
            operators of a graph; C_in is that of one group, if the channels fall into groups.
        kernel_size: the window of a kernel; None on a graph.
        groups: of the channels.
        name: of the layer.
    """

    values: Tensor
    kernel_size: tuple[int, ...] | None
    groups: int
    name: str

    def on_grid(self) -> Tensor:
        """The kernels as pictures. Shape (C_out, C_in, *kernel_size).

        Raises:
            ValueError: if the convolution works on a graph.
        """
        if self.kernel_size is None:
            raise ValueError(
                f"'layer' must be a convolution on a grid, got {self.name!r} on a graph, whose "
                "weights have no places. Read `values`."
            )
        kernels: Tensor = self.values.permute(2, 1, 0).unflatten(2, self.kernel_size)
        return kernels


def filters(model: nn.Module, layer: str) -> Filters:
    """The weights of a convolution by its name.

    Args:
        model: any network.
        layer: the name of a convolution in it: of ours on a grid or a graph, or of torch.nn's.

    Raises:
        ValueError: if there is no such layer, or it is no convolution, with the nearest that is.

    Example:
        >>> import gnnvision as gv
        >>> found = filters(gv.Sequential(gv.Conv2d(3, 8, 5), nn.ReLU()), "0")
        >>> found.values.shape, found.on_grid().shape
        (torch.Size([25, 3, 8]), torch.Size([8, 3, 5, 5]))
    """
    known = dict(model.named_modules())
    module = known.get(layer)
    if isinstance(module, _PLAIN):
        weight = module.weight.detach()
        taps = weight.flatten(2).permute(2, 1, 0)  # (K, C_in, C_out)
        return Filters(taps, tuple(weight.shape[2:]), module.groups, layer)
    if isinstance(module, Convolution):
        return Filters(module.taps().detach(), None, 1, layer)
    names = [n for n, m in known.items() if isinstance(m, (*_PLAIN, Convolution))]
    if not names:
        raise ValueError(
            f"'model' must have a convolution, got {type(model).__name__}, which has none. "
            "Look at its feature maps."
        )
    near = difflib.get_close_matches(layer, names, n=3, cutoff=0.0)
    what = "which is not there" if module is None else f"a {type(module).__name__}"
    raise ValueError(
        f"'layer' must be the name of a convolution, got {layer!r}, {what}. Did you mean "
        f"{' or '.join(map(repr, near))}?"
    )
