"""CUDA graphs of the pretended device: the operations of a capture, run again by each replay.

As on a real device, a capture runs nothing: what it wrote is put back at its end, and so are the
random numbers. Where the host would have to wait, the capture fails.
"""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import _disable_current_modes


class Stream:
    """A stream of the device, which runs what it is given in order.

    Args:
        ledger: where it is noted that the host waits.
    """

    def __init__(self, ledger):
        self._ledger = ledger

    def wait_stream(self, other):
        pass

    def synchronize(self):
        self._ledger.wait("the stream")


class Graph:
    """As `torch.cuda.CUDAGraph`.

    Args:
        memory: which tensors are on the device.
    """

    def __init__(self, memory):
        self._memory = memory
        self._calls = []
        self._made = set()  # storages of the capture
        self._before = {}  # other storages that it wrote to, and what they held
        self.replays = 0

    def note(self, func, args, kwargs, outputs):
        """Record a call of the capture."""
        self._calls.append((func, args, kwargs, outputs))
        given = {_storage(tensor)._cdata for tensor in tensors_of([*args, *kwargs.values()])}
        self._made |= {_storage(tensor)._cdata for tensor in outputs} - given

    def keep(self, func, args, kwargs):
        """Before a call that writes: keep what is there."""
        for tensor in _written(func, args, kwargs):
            storage = _storage(tensor)
            if storage._cdata not in self._made and storage._cdata not in self._before:
                self._before[storage._cdata] = (storage, storage.clone())

    def begin(self):
        assert self._memory.capture is None, "one capture at a time"
        self._memory.capture = self
        self._rng = self._memory.rng.get_state()

    def end(self):
        self._memory.capture = None
        self._memory.rng.set_state(self._rng)
        with _disable_current_modes():
            for storage, held in self._before.values():
                storage.copy_(held)

    def replay(self):
        self.replays += 1
        self._memory.ledger.graphs += 1
        with _disable_current_modes(), torch._C._AutoDispatchBelowAutograd():
            for func, args, kwargs, outputs in self._calls:
                made = tensors_of(self._memory.run(func, args, kwargs))
                for new, out in zip(made, outputs, strict=True):
                    if _storage(new)._cdata != _storage(out)._cdata:
                        out.copy_(new)


class Generator:
    """The random generator of the device, as `torch.cuda.default_generators` has it.

    Args:
        memory: which tensors are on the device.
    """

    def __init__(self, memory):
        self._memory = memory

    def clone_state(self):
        copied = torch._C.Generator()
        copied.set_state(self._memory.rng.get_state())
        return copied

    def graphsafe_set_state(self, other):
        self._memory.rng = other


@contextmanager
def capturing(graph, pool=None, stream=None, capture_error_mode="global"):
    """As `torch.cuda.graph`."""
    graph.begin()
    try:
        yield
    finally:
        graph.end()


def tensors_of(out):
    """The tensors that an operation returned, in order."""
    if isinstance(out, torch.Tensor):
        return [out]
    if isinstance(out, (list, tuple)):
        return [tensor for part in out for tensor in tensors_of(part)]
    return []


def _storage(tensor):
    return (tensor if tensor.layout is torch.strided else tensor.values()).untyped_storage()


def _written(func, args, kwargs):
    """The tensors among the arguments that an operation writes to."""
    found = []
    for place, argument in enumerate(func._schema.arguments):
        is_written = argument.alias_info is not None and argument.alias_info.is_write
        if is_written or ("batch_norm" in func.name() and argument.name.startswith("running")):
            named = kwargs.get(argument.name)
            found += tensors_of(args[place] if place < len(args) else named)
    return found
