"""Dropout that is fast on the CPU and keeps a sparse signal sparse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from gnnvision.domains.modes import is_symbol, is_transformed
from gnnvision.errors import in_range, invalid
from gnnvision.operators.signals import is_sparse, with_values

__all__ = ["Asked", "Dropout", "Keyed", "Mask", "Noise", "mask_of", "masked"]


class Keyed(Protocol):
    """Where dropout takes its masks from in place of random numbers, if it knows the rows."""

    def drop(self, x: Tensor, p: float) -> Tensor | None:
        """Dropout of a dense signal; None to draw random numbers."""

    def drop_stored(self, x: Tensor, p: float) -> Tensor | None:
        """The stored values of a sparse signal after dropout; None to draw random numbers."""


keyed: Keyed | None = None


class Dropout(nn.Dropout):
    """Set each element to 0 with probability p and divide the others by 1 - p, in training.

    torch draws one random number for each element, on one thread of the CPU; this layer draws 64
    random bits at a time and compares 8 or 16 of them with p. A p that is not a multiple of 1/256
    is rounded to the nearest multiple of 1/65536, and the scale with it, so that the mean stays
    exact. On other devices this is `torch.nn.Dropout`.

    For a sparse signal only the stored elements are drawn, since the others are 0 in any case.

    Args:
        p: the probability of a 0.
        inplace: whether to overwrite the input, unless it is sparse.

    Raises:
        ValueError: if `p` is not from 0 to 1.

    References:
        Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
        2014, https://jmlr.org/papers/v15/srivastava14a.html, section 4.

    Example:
        >>> Dropout(0.5).eval()(torch.ones(3))
        tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        in_range("p", p, 0, 1)
        super().__init__(p, inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The signal after dropout; unchanged in evaluation mode.

        Raises:
            ValueError: if a sparse signal requires gradients.
        """
        if not self.training or self.p == 0:
            return input
        if is_sparse(input):
            if input.requires_grad:
                advice = "Use input.to_dense().requires_grad_() for gradients of the features."
                condition = "not require gradients if it is sparse"
                raise invalid("input", condition, "a sparse tensor that does", advice)
            stored = input.coalesce() if input.is_sparse else input
            values = None if keyed is None else keyed.drop_stored(stored, self.p)
            return with_values(stored, drop(stored.values(), self.p) if values is None else values)
        if self.inplace:
            return F.dropout(input, self.p, True, True)
        return drop(input, self.p)


def drop(x: Tensor, p: float) -> Tensor:
    """Dropout of a dense tensor; on the CPU by random bits."""
    if asked is not None and not asked.is_recorded:
        return asked.apply(x)
    if keyed is not None and (out := keyed.drop(x, p)) is not None:
        return out
    if is_symbol(x) or x.device.type != "cpu" or p == 1 or is_transformed():
        return F.dropout(x, p, True)
    mask = mask_of(tuple(x.shape), p)
    if asked is not None:
        asked.masks.append(mask)
    words = torch.empty(mask.words, dtype=torch.int64)
    mask.draw(words)
    return masked(x, mask.keep(words), mask.scale)


def masked(x: Tensor, keep: Tensor, scale: float) -> Tensor:
    """A signal times a mask of ones and zeros and a factor, with a gradient."""
    if not x.requires_grad:
        return _masked(x, keep, scale)
    out: Tensor = _Masked.apply(x, keep, scale)
    return out


class Mask:
    """A mask of dropout: which elements are kept, as drawn in 64 bits at a time.

    Args:
        shape: of the signal.
        p: the probability of a 0.
    """

    def __init__(self, shape: tuple[int, ...], p: float) -> None:
        self.shape = shape
        self.size = math.prod(shape)
        # The integers that are compared with p, of 8 or 16 bits, and how many times 64 are drawn.
        self.bits, levels = (torch.int8, 2**8) if (p * 2**8).is_integer() else (torch.int16, 2**16)
        self.words = -(-self.size * self.bits.itemsize // 8)
        dropped = min(max(round(p * levels), 1), levels - 1)
        self.least = dropped - levels // 2  # of the integers that are kept
        self.scale = levels / (levels - dropped)  # the factor of the elements that are kept

    def keep(self, words: Tensor) -> Tensor:
        """Ones for the elements to keep and zeros for the others, in place of random words.

        Args:
            words: int64 of shape (*, self.words).

        Returns:
            Of shape (*, *self.shape), in the memory of `words`.
        """
        # In place, so that the answer is an integer too: the kernels for bool are slow.
        kept = words.view(self.bits).ge_(self.least)
        return kept[..., : self.size].view((*words.shape[:-1], *self.shape))

    def room(self, count: int) -> Tensor:
        """Memory for the random numbers of several masks, one a row."""
        return torch.zeros(count, self.words, dtype=torch.int64)

    def draw(self, row: Tensor, generator: torch.Generator | None = None) -> None:
        """Draw the random numbers of one mask."""
        row.random_(-(2**63), None, generator=generator)

    def apply(self, x: Tensor, keep: Tensor) -> Tensor:
        """Dropout of a signal, by what `keep` returned."""
        return x * keep.to(x.dtype).mul(self.scale)


class Noise:
    """As `Mask`, for the dropout of torch: the factor of each element, 0 or 1 / (1 - p)."""

    def __init__(self, x: Tensor, p: float) -> None:
        self.shape, self.p, self.dtype, self.device = tuple(x.shape), p, x.dtype, x.device
        self.strides = torch.empty_like(x).stride()  # which order the numbers

    def room(self, count: int) -> Tensor:
        """Memory for several masks, one a row."""
        sizes = (count, *self.shape), (math.prod(self.shape), *self.strides)
        return torch.empty_strided(*sizes, dtype=self.dtype, device=self.device)

    def draw(self, row: Tensor, generator: torch.Generator | None = None) -> None:
        """Draw one mask; on a GPU from its own generator, by the dropout of torch."""
        if row.is_cuda:
            row.copy_(F.dropout(torch.ones_like(row), self.p))
        else:
            row.bernoulli_(1 - self.p, generator=generator)

    def keep(self, drawn: Tensor) -> Tensor:
        """The factors, in place of ones and zeros."""
        return drawn if drawn.is_cuda else drawn.div_(1 - self.p)

    def apply(self, x: Tensor, keep: Tensor) -> Tensor:
        """Dropout of a signal, by what `keep` returned."""
        return x * keep


mask_of = lru_cache(maxsize=256)(Mask)


class Asked(TorchFunctionMode):
    """The masks of all dropout in a forward pass, in order: recorded, or given.

    For several seeds side by side, each of which draws its masks before the pass.

    Args:
        masks: those of a recorded pass, for a pass with given ones; None to record them, while
            dropout works as usual.
    """

    def __init__(self, masks: Sequence[Mask | Noise] | None = None) -> None:
        super().__init__()
        self.is_recorded = masks is None
        self.masks = list(masks or ())
        self.given: list[Tensor] = []  # what is kept, for each mask of this pass

    def __enter__(self) -> Asked:
        """Make dropout record its masks, or take them from here."""
        global asked
        self._before, asked = asked, self
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        """End that."""
        global asked
        asked = self._before
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Also for `torch.nn.functional.dropout`; other functions run as they are."""
        named = dict(kwargs or {})
        if func is not F.dropout:
            return func(*args, **named)
        x, p, training = _arguments(*args, **named)
        if not training or not 0 < p < 1 or x.device.type not in ("cpu", "cuda"):
            return func(*args, **named)
        if not self.is_recorded:
            return self.apply(x)
        self.masks.append(Noise(x, p))
        return func(*args, **named)

    def apply(self, x: Tensor) -> Tensor:
        """Dropout by the next one of the given masks."""
        mask = self.masks[len(self.masks) - len(self.given)] if self.given else None
        if mask is None or mask.shape != tuple(x.shape):
            raise RuntimeError("dropout differs from that of the recorded forward pass")
        return mask.apply(x, self.given.pop(0))


def _arguments(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> tuple[Tensor, float, bool]:
    """The arguments of `torch.nn.functional.dropout`."""
    return input, p, training


asked: Asked | None = None


def _masked(x: Tensor, keep: Tensor, scale: float) -> Tensor:
    return keep.to(x.dtype).mul_(scale).mul_(x)


class _Masked(Function):
    """y = x * keep * scale, with `keep` of ones and zeros; kept small for the way back."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        keep: Tensor,
        scale: float,
    ) -> Tensor:
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return _masked(x, keep, scale)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor, None, None]:
        (keep,) = ctx.saved_tensors
        return _Masked.apply(grad, keep, ctx.scale), None, None
