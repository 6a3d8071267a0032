"""Which tensors are in the memory of the pretended device."""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch.multiprocessing.reductions import StorageWeakRef

DOUBLE = (torch.float64, torch.complex128)


class Memory:
    """The storages that are on the device; all others are on the CPU.

    Args:
        device: that is pretended.
        ledger: where what it refuses is noted.
    """

    def __init__(self, device, ledger):
        self.device = device
        self.ledger = ledger
        # A weak reference keeps the address of a storage from being used by another.
        self._there = {}
        self._pinned = {}
        self._open = {}
        self._most = 100_000
        self.generators = []  # those of the device
        self.rng = torch._C.Generator()  # of the device, where no other is named
        self.capture = None  # the graph that is being captured
        self.forced = None  # where outputs go that follow from no input: True, False, or None

    def holds(self, tensor):
        """Whether a tensor is on the device."""
        return _address(tensor) in self._there

    def is_apart(self, tensor):
        """Whether a tensor is on the CPU, beside others that are on the device."""
        return not (_address(tensor) in self._there or _address(tensor) in self._open)

    def is_open(self, tensor):
        """Whether a tensor may be on either side."""
        return _address(tensor) in self._open

    def leave_open(self, tensor):
        """The framework made the tensor on its own: it may be on either side."""
        storage = tensor.untyped_storage()
        self._open[storage._cdata] = StorageWeakRef(storage)
        self._sweep()

    def _sweep(self):
        """Forget what is gone, now and then."""
        if len(self._there) + len(self._open) > self._most:
            self._there, self._open = (
                {key: value for key, value in kept.items() if not value.expired()}
                for kept in (self._there, self._open)
            )
            self._most = max(100_000, 2 * (len(self._there) + len(self._open)))

    def take(self, tensor):
        """From here on the tensor, and all that shares its memory, is on the device."""
        if torch._C.TensorBase.is_meta.__get__(tensor):
            return tensor  # a tensor without numbers, of a mode that knows devices itself
        if self.device.type == "mps" and tensor.dtype in DOUBLE:
            self.ledger.fault(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't "
                "support float64. Please use float32 instead.",
                TypeError,
            )
        for part in _parts(tensor):
            storage = part.untyped_storage()
            self._there[storage._cdata] = StorageWeakRef(storage)
        self._sweep()
        return tensor

    def of_device(self, generator):
        """Whether random numbers from a generator are drawn on the device."""
        # Underneath autograd a generator has lost its class: its state tells.
        state = generator.get_state()
        return any(torch.equal(known.get_state(), state) for known in self.generators)

    def run(self, func, args, kwargs):
        """Run an operation, which draws random numbers from the device's own generator."""
        if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator"):
            return func(*args, **kwargs)
        here = torch.default_generator
        before = here.get_state()
        here.set_state(self.rng.get_state())
        try:
            return func(*args, **kwargs)
        finally:
            self.rng.set_state(here.get_state())
            here.set_state(before)

    def pin(self, tensor):
        """A copy in pinned memory of the CPU."""
        copied = tensor.clone()
        storage = copied.untyped_storage()
        self._pinned[storage._cdata] = StorageWeakRef(storage)
        return copied

    def is_pinned(self, tensor):
        return _address(tensor) in self._pinned

    @contextmanager
    def forcing(self, there):
        """Inside the block, new tensors are on the device, or on the CPU."""
        before, self.forced = self.forced, there
        try:
            yield
        finally:
            self.forced = before

    def move(self, tensor, there, dtype=None, memory_format=None, copy=False):
        """The tensor on the device, or on the CPU; itself if it is there already."""
        here, layout = self.holds(tensor), memory_format in (None, torch.preserve_format)
        same = here == there and dtype in (None, tensor.dtype)
        if same and not copy and (layout or tensor.is_contiguous(memory_format=memory_format)):
            return tensor
        if here and not there:
            self.ledger.wait("copy to the host")
        elif there and not here and tensor.numel() and not self.is_pinned(tensor):
            self.ledger.copy("copy from memory that is not pinned")
        options = (there, dtype or tensor.dtype, memory_format)
        if tensor.requires_grad and torch.is_grad_enabled():
            return _Moved.apply(tensor, self, options)
        return self._copied(tensor, *options)

    def _copied(self, tensor, there, dtype, memory_format):
        if there and self.device.type == "mps" and dtype in DOUBLE:
            self.take(torch.empty(0, dtype=dtype))
        format = {} if memory_format is None else {"memory_format": memory_format}
        with self.forcing(False):  # a float64 may become a float32 before it is on the device
            copied = tensor.clone(**format) if tensor.layout is torch.strided else tensor.clone()
            if dtype is not tensor.dtype:
                copied = torch._C.TensorBase.to(copied, dtype)
        return self.take(copied) if there else copied


class _Moved(torch.autograd.Function):
    """A copy on the other side, whose gradient is copied back."""

    @staticmethod
    def forward(ctx, tensor, memory, options):
        ctx.memory, ctx.back = memory, (memory.holds(tensor), tensor.dtype, None)
        return memory._copied(tensor, *options)

    @staticmethod
    def backward(ctx, grad):
        return ctx.memory.move(grad, *ctx.back[:2]), None, None


def _parts(tensor):
    """The dense tensors of which a tensor consists."""
    if tensor.layout is torch.strided:
        return [tensor]
    if tensor.layout is torch.sparse_coo:
        return [tensor._values(), tensor._indices()]
    if tensor.layout is torch.sparse_csr:
        return [tensor.values(), tensor.crow_indices(), tensor.col_indices()]
    return [tensor.values(), tensor.ccol_indices(), tensor.row_indices()]


def _address(tensor):
    """Of the memory of a tensor, or of what a transform has wrapped; None if it has none."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        if tensor.layout is not torch.strided:
            tensor = _parts(tensor)[0]
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return None
