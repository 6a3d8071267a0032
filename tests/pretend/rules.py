"""What a device asks of every operation, looked at underneath autograd."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .capture import tensors_of

# The host must know a number, or a size, before it can go on.
WAITING = {
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "_unique",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "unique_dim_consecutive",
    "bincount",
    "equal",
    "is_nonzero",
    "_coalesce",
    "_to_sparse",
    "_to_sparse_csr",
    "to_sparse",
    "one_hot",
    "linalg_eigh",
    "_linalg_eigh",
    "linalg_svd",
    "_linalg_svd",
    "linalg_solve",
    "histc",
}
# What torch refuses where it was asked for deterministic algorithms.
VARYING = {
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "adaptive_max_pool2d_backward",
    "avg_pool3d_backward",
    "upsample_linear1d_backward",
    "upsample_bilinear2d_backward",
    "upsample_bicubic2d_backward",
    "upsample_trilinear3d_backward",
    "reflection_pad1d_backward",
    "reflection_pad2d_backward",
    "reflection_pad3d_backward",
    "grid_sampler_2d_backward",
    "grid_sampler_3d_backward",
    "nll_loss2d_forward",
    "put_",
    "histc",
}
# What it does not refuse, although cuSPARSE gives other last digits each time.
SPARSE = {"mm", "addmm", "_sparse_mm", "bmm"}
COPYING = {"copy_", "copy", "_copy_from", "_to_copy", "set_", "resize_"}
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
# These take no number from the CPU beside tensors of the device.
STRICT = {
    "cat",
    "stack",
    "index_select",
    "index_copy",
    "index_copy_",
    "gather",
    "scatter",
    "mm",
    "addmm",
    "bmm",
    "convolution",
}


class Rules(TorchDispatchMode):
    """Checks each operation as a device would, and says where its outputs are.

    Args:
        memory: which tensors are on the device.
    """

    def __init__(self, memory):
        super().__init__()
        self.memory = memory
        self.ledger = memory.ledger
        self._names = {}

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # else its import, of some seconds, comes first; nothing is compiled here

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        memory = self.memory
        name = self._names.get(func)
        if name is None:
            name = self._names[func] = func._schema.name.rpartition("::")[2]
        tensors = tensors_in(args, kwargs)
        there = [t for t in tensors if memory.holds(t)]
        if there and memory.forced is None:
            self.ledger.calls += 1
            if len(there) < len(tensors):
                self._check(name, args, tensors)
            self._count(name, args, kwargs)
            if torch.are_deterministic_algorithms_enabled():
                self._check_order(name, args, tensors)
        if kwargs.get("generator") is not None:
            self._check_generator(name, kwargs["generator"], bool(there))
        runs_there = memory.forced or (there and memory.forced is None)
        capture = memory.capture if runs_there else None
        if capture is not None:
            capture.keep(func, args, kwargs)
        out = memory.run(func, args, kwargs) if runs_there else func(*args, **kwargs)
        if capture is not None:
            capture.note(func, args, kwargs, tensors_of(out))
        if memory.forced or (there and memory.forced is None and not self._stays(name, args)):
            for tensor in [out] if isinstance(out, torch.Tensor) else tensors_in((out,), {}):
                if not memory.holds(tensor):
                    memory.take(tensor)
        elif not there and memory.forced is None and all(memory.is_open(t) for t in tensors):
            for tensor in tensors_in((out,), {}):
                memory.leave_open(tensor)
        return out

    def _check(self, name, args, tensors):
        if name in COPYING:
            return
        held = self.memory.holds
        strict = name in STRICT
        apart = [t for t in tensors if (strict or t.dim()) and self.memory.is_apart(t)]
        if name in INDEXING and held(args[0]):
            # Indices may be on the CPU: they are copied each time.
            values = args[2] if len(args) > 2 else None
            indices = [t for t in apart if t is not values]
            apart = [t for t in apart if t is values]
            if indices:
                self.ledger.copy(f"{name} with an index of the host")
        elif not apart and name.endswith("_") and isinstance(args[0], torch.Tensor):
            apart = [args[0]] if self.memory.is_apart(args[0]) else []
        if apart:
            where = [f"{'device' if held(t) else 'cpu'}{tuple(t.shape)}" for t in tensors]
            self.ledger.fault(
                "Expected all tensors to be on the same device, but found at least two devices: "
                f"{name}({', '.join(where)})"
            )

    def _check_generator(self, name, generator, there):
        there = there if self.memory.forced is None else self.memory.forced
        if self.memory.of_device(generator) != there:
            wanted, found = ("device", "cpu") if there else ("cpu", "device")
            self.ledger.fault(
                f"Expected a '{wanted}' device type for generator but found '{found}': {name}"
            )

    def _check_order(self, name, args, tensors):
        """Refuse what adds in another order each time, where that was asked for."""
        layouts = {tensor.layout for tensor in tensors}
        varies = name in VARYING or (name in SPARSE and layouts != {torch.strided})
        if name.startswith("scatter_reduce"):
            varies = "amax" not in args and "amin" not in args
        if varies:
            self.ledger.fault(f"{name} does not have a deterministic implementation")

    def _count(self, name, args, kwargs):
        if name in WAITING:
            self.ledger.wait(name)
        elif name == "repeat_interleave" and kwargs.get("output_size") is None:
            self.ledger.wait("repeat_interleave without output_size")
        elif name in INDEXING:
            masks = [t for t in args[1] if t is not None and t.dtype in (torch.bool, torch.uint8)]
            if masks:
                self.ledger.wait("index by a mask")
        elif name == "copy_":
            target, source = (self.memory.holds(t) for t in args[:2])
            if source and not target:
                blocks = not (args[2:] and args[2]) and not kwargs.get("non_blocking")
                if blocks or not self.memory.is_pinned(args[0]):
                    self.ledger.wait("copy to the host")
            elif target and not source and not self.memory.is_pinned(args[1]):
                self.ledger.copy("copy from memory that is not pinned")

    def _stays(self, name, args):
        """Whether the output is on the CPU although something came from the device."""
        return name == "_local_scalar_dense" or (
            name == "copy_" and not self.memory.holds(args[0])
        )


def tensors_in(args, kwargs):
    """All tensors among the arguments of an operation, also those in lists."""
    found = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += tensors_in(value, {})
    return found
