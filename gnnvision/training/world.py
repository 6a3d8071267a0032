"""The processes that `torchrun` started, one for each device, and the few things they exchange."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor

from gnnvision import _torchrun as torchrun
from gnnvision.errors import invalid

__all__ = ["World", "world"]

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process and the others of its run.

    Every process must call the same methods in the same order: each waits for all others. The
    first call connects the processes, by gloo for tensors of the CPU and by NCCL for those of a
    GPU. Without other processes nothing is connected, and everything is returned as it is.

    Args:
        rank: the number of this process, from 0.
        size: how many processes there are.
        local_rank: the number of this process among those of its machine, from 0.
        launched: whether `torchrun` started this process, also as the only one.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    launched: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in its place."""
        if self.size > 1:
            _connect(self)
            torch.distributed.all_reduce(tensor)
        return tensor

    def put(self, tensor: Tensor) -> Tensor:
        """The tensor of the first process, in its place in all others."""
        if self.size > 1:
            _connect(self)
            torch.distributed.broadcast(tensor, 0)
        return tensor

    def from_first(self, value: T) -> T:
        """The value of the first process, which can be pickled; what others give is ignored."""
        if self.size == 1:
            return value
        _connect(self)
        held = [value if self.is_first else None]
        torch.distributed.broadcast_object_list(held, 0)
        return held[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Return when all processes are here."""
        self.sum(torch.zeros(1))


@cache
def world() -> World:
    """The processes of this run, by the environment that `torchrun` sets; just this one without.

    Raises:
        ValueError: if the environment contradicts itself.
    """
    if not torchrun.is_started():
        return World()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    found = {name: os.environ.get(name, "0") for name in names}
    try:
        rank, size, local = (int(value) for value in found.values())
    except ValueError:
        rank, size, local = 0, 0, 0
    if not 0 <= rank < size or local < 0:
        got = ", ".join(f"{name}={value!r}" for name, value in found.items())
        advice = "Start the processes with torchrun, which sets them."
        raise invalid("RANK", "be from 0 to WORLD_SIZE - 1 in the environment", got, advice)
    return World(rank, size, local, launched=True)


@cache
def _connect(here: World) -> None:
    """Connect the processes, once; the connections are closed at the exit of this one."""
    if not torch.distributed.is_initialized():
        backend = "gloo"
        if torch.cuda.is_available() and torch.distributed.is_nccl_available():
            backend = "cpu:gloo,cuda:nccl"
            if here.local_rank < torch.cuda.device_count():
                torch.cuda.set_device(here.local_rank)
        where: Any = {"rank": here.rank, "world_size": here.size, "store": torchrun.store()}
        torch.distributed.init_process_group(backend, **where)  # anew after each restart
        atexit.register(_disconnect)


def _disconnect() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
