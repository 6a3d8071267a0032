"""How a GPU computes during a training: the precision of float32 products, and convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import backends, nn

__all__ = ["Kernels", "kernels_for"]


@dataclass(frozen=True)
class Kernels:
    """How a GPU computes during a training; on the CPU nothing is set.

    Args:
        tf32: whether float32 products and convolutions are computed in TensorFloat32, with 10
            bits of mantissa instead of 23; None for what the user set in torch.
        is_timed: whether cuDNN times its algorithms for each new shape, and takes the fastest.
        is_deterministic: whether torch was asked for deterministic algorithms.
    """

    tf32: bool | None = None
    is_timed: bool = False
    is_deterministic: bool = False

    @contextmanager
    def used(self) -> Iterator[None]:
        """A context in which they are used; torch's settings are restored after it."""
        before = (backends.cudnn.benchmark, backends.cudnn.allow_tf32)
        products: tuple[Any, ...] = (backends.cuda.matmul, backends.mkldnn.matmul)  # type: ignore[attr-defined]
        precisions = [backend.fp32_precision for backend in products]
        backends.cudnn.benchmark = before[0] or self.is_timed
        if self.tf32 is not None:
            # The setting of old, as torch's compiler reads it.
            torch.set_float32_matmul_precision("high" if self.tf32 else "highest")
            backends.cudnn.allow_tf32 = self.tf32
        try:
            yield
        finally:
            backends.cudnn.benchmark = before[0]
            if self.tf32 is not None:
                backends.cudnn.allow_tf32 = before[1]
                torch.set_float32_matmul_precision("highest")
                for backend, precision in zip(products, precisions, strict=True):
                    backend.fp32_precision = precision

    def facts(self) -> dict[str, str]:
        """The row of a report on it; none on the CPU."""
        said = []
        if self.tf32 is not None:
            said.append(
                "float32 products in TensorFloat32, with 10 bits of mantissa"
                if self.tf32
                else "float32 products in full precision"
            )
        if self.is_timed:
            said.append("the fastest convolutions, by timing")
        if self.is_deterministic:
            said.append("deterministic algorithms")
        text = ", ".join(said)
        return {"GPU arithmetic": f"{text[0].upper()}{text[1:]}."} if said else {}


def kernels_for(device: str, precision: str, model: nn.Module) -> Kernels:
    """The kernels for a training.

    Args:
        device: its device.
        precision: as the user asked for it: "float32" means float32 in all its bits.
        model: the model to train.
    """
    if torch.device(device).type != "cuda":
        return Kernels()
    deterministic = torch.are_deterministic_algorithms_enabled()
    has_convolutions = any(isinstance(m, nn.modules.conv._ConvNd) for m in model.modules())
    return Kernels(
        tf32=precision != "float32" and not deterministic if _is_open(deterministic) else None,
        is_timed=has_convolutions and not deterministic,
        is_deterministic=deterministic,
    )


def _is_open(deterministic: bool) -> bool:
    """Whether the user left the precision of float32 products as torch sets it.

    `use_deterministic` sets it to full precision.
    """
    try:
        named = torch.get_float32_matmul_precision()
    except RuntimeError:  # set for a single backend
        return False
    usual = ("none", "ieee") if deterministic else ("none",)
    return named == "highest" and backends.cuda.matmul.fp32_precision in usual
