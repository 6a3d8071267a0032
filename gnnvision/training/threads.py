"""The number of CPU threads for a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor, nn

from gnnvision import _torchrun as torchrun
from gnnvision.domains import Domain
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["largest_signal", "share_threads", "threads_for", "threads_of"]

# An operation on fewer values is done before a second thread has started; on busy cores, waiting
# for other threads can take a hundred times as long as the operation.
MANY_VALUES = 200_000


def largest_signal(model: nn.Module, x: Tensor, domain: Domain) -> int:
    """The number of values in the largest input or output of a layer, stored values only."""
    sizes = [x._nnz() if x.layout is torch.sparse_coo else x.numel()]

    def record(module: nn.Module, given: object, output: object) -> None:
        if isinstance(output, Tensor):
            dense = output.layout is torch.strided
            sizes.append(output.numel() if dense else output._nnz())

    hooks = (module.register_forward_hook(record) for module in model.modules())
    with attached(hooks), evaluating(model), torch.no_grad():
        call(model, x, domain)
    return max(sizes)


def threads_of(size: int, jobs: int = 1) -> int:
    """The number of threads of each process, for a largest signal of this size.

    Args:
        size: how many values the signal has.
        jobs: the number of processes, which share the threads of this one.
    """
    return 1 if size < MANY_VALUES else max(1, torch.get_num_threads() // jobs)


@cache
def share_threads() -> None:
    """Give each process of torchrun its share of the cores of the machine.

    torchrun gives one thread to each, unless OMP_NUM_THREADS says more.
    """
    if torchrun.local_size() > 1 and os.environ.get("OMP_NUM_THREADS", "1") == "1":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        cores = cores or os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // torchrun.local_size()))


@contextmanager
def threads_for(size: int) -> Iterator[None]:
    """A context with a single thread if the largest signal has a small `size`."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads_of(size))
    try:
        yield
    finally:
        torch.set_num_threads(before)
