"""How many threads a model's work is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["largest_signal", "threads_for"]

# Below this many numbers an operation is over before a second thread has joined it; where the
# other cores have something else to do, waiting for them takes a hundred times as long.
WORTH_SHARING = 200_000


def largest_signal(model: nn.Module, x: Tensor, domain: Domain) -> int:
    """The most numbers that any layer is given or makes, stored zeros left out."""
    sizes = [x._nnz() if x.layout is torch.sparse_coo else x.numel()]

    def note(module: nn.Module, given: object, made: object) -> None:
        if isinstance(made, Tensor):
            sizes.append(made.numel() if made.layout is torch.strided else made._nnz())

    hooks = (module.register_forward_hook(note) for module in model.modules())
    with attached(hooks), evaluating(model), torch.no_grad():
        call(model, x, domain)
    return max(sizes)


@contextmanager
def threads_for(size: int) -> Iterator[None]:
    """Inside the block, one thread if no signal has more numbers than a small `size`."""
    before = torch.get_num_threads()
    if size < WORTH_SHARING:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
