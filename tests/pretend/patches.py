"""The names of torch that say where a tensor is, for as long as a device is pretended."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from unittest import mock

import torch
import torch._dynamo  # looks at the names below when it is imported, which must be the real ones

from .capture import Generator, Graph, Stream, capturing
from .ledger import Ledger
from .memory import Memory
from .rules import Rules

BASE = torch._C.TensorBase
FACTORIES = (
    "zeros ones empty full arange range eye linspace logspace rand randn randint randperm tensor "
    "as_tensor asarray scalar_tensor zeros_like ones_like empty_like full_like rand_like "
    "randn_like randint_like sparse_coo_tensor sparse_csr_tensor normal empty_strided tril_indices"
).split()
OF_TENSORS = "new_tensor new_zeros new_ones new_full new_empty".split()


@contextmanager
def pretended(kind="cuda"):
    """Inside the block there is one device of this kind; the ledger of what happened on it.

    Args:
        kind: "cuda" or "mps".
    """
    device, ledger = torch.device(kind, 0), Ledger()
    memory = Memory(device, ledger)
    with ExitStack() as stack:
        for target, name, value in _replaced(memory, ledger):
            stack.enter_context(mock.patch.object(target, name, value, create=True))
        stack.enter_context(Rules(memory))
        yield ledger


def _replaced(memory, ledger):
    yield from _tensors(memory, ledger)
    for name in FACTORIES:
        yield torch, name, _factory(getattr(torch, name), memory, name)
    for name in OF_TENSORS:
        yield torch.Tensor, name, _factory(getattr(BASE, name), memory, name)
    yield torch, "Generator", _generators(memory)
    yield from _autocast(memory.device.type)
    yield from (_cuda(memory, ledger) if memory.device.type == "cuda" else _mps())


def _tensors(memory, ledger):
    """Where a tensor is, and how it gets from there."""
    held, device = memory.holds, memory.device

    def to(tensor, *args, **kwargs):
        target, dtype = kwargs.get("device"), kwargs.get("dtype")
        other = kwargs.get("other")
        for value in args:
            if isinstance(value, torch.dtype):
                dtype = value
            elif isinstance(value, torch.Tensor):
                other = value
            elif isinstance(value, (str, torch.device, int)) and not isinstance(value, bool):
                target = value
        if other is not None:
            target, dtype = other.device, other.dtype
        if target is None or _is_elsewhere(target, device):
            return BASE.to(tensor, *args, **kwargs)
        there = _is_ours(target, device)
        format, copy = kwargs.get("memory_format"), kwargs.get("copy", False)
        return memory.move(tensor, there, dtype, format, copy)

    def refused(real, what):
        def method(tensor, *args, **kwargs):
            if held(tensor):
                ledger.fault(
                    f"can't convert {device} device type tensor to numpy ({what}). Use "
                    "Tensor.cpu() to copy the tensor to host memory first.",
                    TypeError,
                )
            return real(tensor, *args, **kwargs)

        return method

    real_deepcopy = torch.Tensor.__deepcopy__

    def deepcopy(tensor, memo):
        # The framework copies raw memory, of which no operation tells where it is.
        if type(tensor) is not torch.Tensor or not held(tensor) or id(tensor) in memo:
            return real_deepcopy(tensor, memo)
        memo[id(tensor)] = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        return memo[id(tensor)]

    def tolist(tensor):
        return BASE.tolist(memory.move(tensor, False))

    yield torch.Tensor, "device", property(lambda t: device if held(t) else _real_device(t))
    yield torch.Tensor, "is_cuda", property(lambda t: device.type == "cuda" and held(t))
    yield torch.Tensor, "is_mps", property(lambda t: device.type == "mps" and held(t))
    yield torch.Tensor, "is_cpu", property(lambda t: not held(t) and BASE.is_cpu.__get__(t))
    yield torch.Tensor, "to", to
    yield torch.Tensor, "cpu", lambda t, **k: memory.move(t, False, None, k.get("memory_format"))
    yield torch.Tensor, "cuda", lambda t, *a, **k: to(t, "cuda")
    yield torch.Tensor, "pin_memory", lambda t: memory.pin(t)
    yield torch.Tensor, "is_pinned", lambda t: memory.is_pinned(t)
    yield torch.Tensor, "tolist", tolist
    yield torch.Tensor, "__deepcopy__", deepcopy
    yield torch.Tensor, "numpy", refused(BASE.numpy, "numpy()")
    yield torch.Tensor, "__array__", refused(torch.Tensor.__array__, "as an array")


def _real_device(tensor):
    return BASE.device.__get__(tensor)


def _is_ours(target, device):
    target = torch.device(target)
    if target.type == device.type and target.index not in (None, device.index):
        raise RuntimeError(f"{device.type.upper()} error: invalid device ordinal")
    return target.type == device.type


def _is_elsewhere(target, device):
    """Whether it is neither the CPU nor the pretended device: meta."""
    return torch.device(target).type not in ("cpu", device.type)


def _factory(real, memory, name):
    """A function that makes tensors, on the device if it is asked to or its input is there."""

    def make(*args, **kwargs):
        like = args[0] if args and isinstance(args[0], torch.Tensor) else None
        target = kwargs.get("device")
        if name in ("as_tensor", "asarray", "tensor") and like is not None:
            made = like.detach().clone() if name == "tensor" else like
            return made.to(**{k: v for k, v in kwargs.items() if k in ("device", "dtype")})
        if _without_numbers() or (target is not None and _is_elsewhere(target, memory.device)):
            return real(*args, **kwargs)
        if kwargs.pop("pin_memory", False):
            with memory.forcing(False):
                return memory.pin(real(*args, **kwargs))
        if target is None:
            # Of another tensor: where that is. Else on the CPU, and not anywhere.
            with memory.forcing(memory.forced if like is not None else bool(memory.forced)):
                return real(*args, **kwargs)
        del kwargs["device"]
        there = _is_ours(target, memory.device)
        if there and name in ("tensor", "as_tensor", "asarray", "new_tensor"):
            memory.ledger.copy("copy from memory that is not pinned")
        with memory.forcing(there):
            made = real(*args, **kwargs)
        return memory.take(made) if there else made

    make.__name__ = name
    return make


def _without_numbers():
    """Whether tensors are made without numbers, by a mode that knows devices itself."""
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None


def _generators(memory):
    """`torch.Generator`, which may be of the device."""

    class Generator(torch._C.Generator):
        def __new__(cls, device="cpu"):
            made = super().__new__(cls)
            made._of = torch.device(device)
            if made._of.type == memory.device.type:
                memory.generators.append(made)
                made.manual_seed(0)
            return made

        def manual_seed(self, seed):
            # Of the device: another state than any of the CPU's, by which it is known again.
            super().manual_seed(seed if self._of.type == "cpu" else seed ^ 0x5DEECE66D)
            return self

        @property
        def device(self):
            return self._of

    return Generator


def _autocast(kind):
    """Half precision of the device, by that of the CPU."""
    real, enabled, dtype = torch.autocast, torch.is_autocast_enabled, torch.get_autocast_dtype

    def there(name):
        return "cpu" if name is None or name == kind else name

    yield torch, "autocast", lambda device_type, *a, **k: real(there(device_type), *a, **k)
    yield torch, "is_autocast_enabled", lambda name=None: enabled(there(name))
    yield torch, "get_autocast_dtype", lambda name: dtype(there(name))


def _cuda(memory, ledger):
    modes = ("default", "warn", "error")
    ledger.capturing = lambda: memory.capture is not None
    stream = Stream(ledger)

    def put_state(new, device="cuda"):
        if new.device.type != "cpu":
            raise TypeError("RNG state must be a torch.ByteTensor")
        memory.rng.set_state(new.clone())

    def put_mode(mode):
        ledger.mode = mode if mode in modes else modes[mode]

    def seed(number):
        # Other numbers than the CPU draws from this seed.
        memory.rng.manual_seed(number ^ 0x5DEECE66D)

    def health(optimizer):
        groups = optimizer.param_groups
        if memory.capture is not None and not all(g.get("capturable", True) for g in groups):
            raise RuntimeError("Attempting CUDA graph capture, but capturable is False.")

    values = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda *a: "pretended",
        "is_bf16_supported": lambda *a, **k: True,
        "is_current_stream_capturing": lambda: memory.capture is not None,
        "synchronize": lambda *a: None,
        "manual_seed": seed,
        "manual_seed_all": seed,
        "get_rng_state": lambda *a: memory.rng.get_state(),
        "get_rng_state_all": lambda: [memory.rng.get_state()],
        "set_rng_state": put_state,
        "default_generators": (Generator(memory),),
        "set_sync_debug_mode": put_mode,
        "get_sync_debug_mode": lambda: modes.index(ledger.mode),
        "Stream": lambda *a, **k: stream,
        "current_stream": lambda *a: stream,
        "set_stream": lambda stream: None,
        "stream": lambda stream: nullcontext(),
        "CUDAGraph": lambda: Graph(memory),
        "graph": capturing,
        "graph_pool_handle": lambda: (0, 1),
        "memory_reserved": lambda *a: 0,
        "mem_get_info": lambda *a: (2**30, 2**30),
        "max_memory_allocated": lambda *a: 0,
        "reset_peak_memory_stats": lambda *a: None,
    }
    for name, value in values.items():
        yield torch.cuda, name, value
    yield torch.optim.Optimizer, "_accelerator_graph_capture_health_check", health
    yield torch.optim.Optimizer, "_group_tensors_by_device_and_dtype", staticmethod(_grouped)


def _grouped(lists, with_indices=False):
    """As `torch.utils._foreach_utils` does, which looks underneath what is replaced here."""
    groups = {}
    for place, first in enumerate(lists[0]):
        key = (first.device, first.dtype)
        columns, places = groups.setdefault(key, ([[] for _ in lists], []))
        for column, tensors in zip(columns, lists, strict=True):
            column += tensors[place : place + 1]
        places.append(place)
    return groups


def _mps():
    state = torch.zeros(16, dtype=torch.uint8)
    yield torch.backends.mps, "is_available", lambda: True
    yield torch.mps, "get_rng_state", lambda *a: state.clone()
    yield torch.mps, "set_rng_state", lambda new, *a: None
    yield torch.optim.Optimizer, "_accelerator_graph_capture_health_check", lambda self: None
