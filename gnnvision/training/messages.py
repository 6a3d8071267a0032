"""Messages between processes: any objects, with their tensors as plain bytes.

`torch` itself would put each tensor into shared memory, with a separate file descriptor.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch
from torch import Tensor

__all__ = ["dumps", "loads"]


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - as pickle asks
        """How a tensor is rebuilt; everything else as usual."""
        if not isinstance(value, Tensor) or value.layout is not torch.strided:
            return NotImplemented
        dense = value.detach().cpu().contiguous()
        values: Any = dense.reshape(-1).view(torch.uint8).numpy()
        raw = pickle.PickleBuffer(values)
        return _tensor, (raw, value.dtype, tuple(value.shape))


def _tensor(raw: bytearray, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    if not len(raw):
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)


def dumps(value: object) -> bytes:
    """An object as bytes; its tensors are detached, and on the CPU afterwards."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()


def loads(raw: bytes) -> Any:  # noqa: ANN401
    """The object that `dumps` made of it, in a process of the same training."""
    return pickle.loads(raw)
