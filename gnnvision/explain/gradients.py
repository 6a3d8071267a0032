"""Explanations by the gradient: as it is, times the input, or guided through the rectifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gnnvision.explain.question import Question
from gnnvision.layers.hooks import evaluating

__all__ = ["Guided", "differentiating", "gradient", "guided_gradient", "input_gradient", "slopes"]

NO_PATH = (
    "No path from the input to this answer has a derivative, so the gradient is 0: nothing can "
    "be read from it."
)
NO_RECTIFIER = (
    "The network has no ReLU or relative of it that could be guided: this is the plain gradient."
)

# What lets large values through and holds back small ones.
_RECTIFIERS: frozenset[Callable[..., Any]] = frozenset(
    {
        F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_,
        F.relu6, F.leaky_relu, F.leaky_relu_, F.prelu, torch.prelu, F.rrelu, F.elu, F.elu_,
        F.selu, F.selu_, torch.selu, torch.selu_, F.celu, F.celu_, F.gelu, F.silu, F.mish,
        F.softplus, F.hardswish, F.hardtanh, F.hardtanh_,
    }
)  # fmt: skip
_HARDTANH = (F.hardtanh, F.hardtanh_)  # a rectifier only if it begins at 0, as ReLU6


@contextmanager
def differentiating(question: Question) -> Iterator[Tensor]:
    """The model in evaluation mode and a copy of the signal whose gradient is recorded."""
    with (
        evaluating(question.model),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        yield question.x.detach().clone().requires_grad_()


def slopes(answer: Tensor, inputs: list[Tensor]) -> tuple[list[Tensor], list[str]]:
    """∂(Σ answer) / ∂ each input, zeros where there is none, and what has to be said of it.

    Members have no part in one another's answers, so the sum keeps their slopes apart. Only the
    inputs' gradients are made: none is left on a parameter.
    """
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if answer.requires_grad:
        found = torch.autograd.grad(answer.sum(), inputs, allow_unused=True)
    notes = [NO_PATH] if all(slope is None for slope in found) else []
    pairs = zip(found, inputs, strict=True)
    return [torch.zeros_like(x) if slope is None else slope for slope, x in pairs], notes


def gradient(question: Question) -> tuple[Tensor, list[str]]:
    """maxᶜ |∂f / ∂x| at each site, over its channels: how much the answer would move.

    References:
        Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2014,
        https://arxiv.org/abs/1312.6034, section 3.1.
    """
    with differentiating(question) as x:
        (slope,), notes = slopes(question.answer(x), [x])
    return slope.abs().amax(1), notes


def input_gradient(question: Question) -> tuple[Tensor, list[str]]:
    """Σᶜ x ∂f / ∂x at each site: what the answer would lose to first order without it.

    References:
        Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box", 2016,
        https://arxiv.org/abs/1605.01713, section 2.
    """
    with differentiating(question) as x:
        (slope,), notes = slopes(question.answer(x), [x])
    return (question.x * slope).sum(1), notes


def guided_gradient(question: Question) -> tuple[Tensor, list[str]]:
    """maxᶜ |∂f / ∂x| at each site, with every negative gradient stopped at the rectifiers.

    References:
        Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", 2015, https://arxiv.org/abs/1412.6806, section 3.4.
        Differs from the paper: the relatives of ReLU (ReLU6, GELU, SiLU, ...) are guided too,
        and so are those that are called as functions.
    """
    with differentiating(question) as x:
        with Guided() as guide:
            answer = question.answer(x)
        (slope,), notes = slopes(answer, [x])
    if not guide.count:
        notes = [*notes, NO_RECTIFIER]
    return slope.abs().amax(1), notes


class Guided(TorchFunctionMode):
    """While the block runs, what leaves a rectifier passes on only the positive gradients.

    It watches the functions that modules call rather than the modules, so rectifiers that are
    called as functions count, one module may be called several times, and no hook is left on
    the model. A rectifier that works in place is as good as any: its result has the gradient
    of the value after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Call it, and guide what it gives if it is a rectifier."""
        out = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS and isinstance(out, Tensor):
            given = dict(zip(("input", "min_val"), args, strict=False)) | (kwargs or {})
            if func not in _HARDTANH or given.get("min_val", -1.0) == 0:
                self.count += 1
                if out.requires_grad:
                    out.register_hook(_positive)
        return out


def _positive(slope: Tensor) -> Tensor:
    return slope.clamp(min=0)
