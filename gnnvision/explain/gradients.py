"""Gradient-based attribution: gradient, input × gradient, and guided gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gnnvision.explain.instance import Instance
from gnnvision.layers.hooks import evaluating

__all__ = [
    "Guided",
    "compute_gradients",
    "gradient",
    "guided_gradient",
    "input_gradient",
    "input_with_grad",
]

NO_PATH = (
    "This output is not differentiable with respect to the input: the gradient is 0 everywhere "
    "and carries no information."
)
NO_RECTIFIER = (
    "The network has no ReLU or similar activation to guide: this is the plain gradient."
)

# Activations that pass large values and suppress small ones.
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
def input_with_grad(instance: Instance) -> Iterator[Tensor]:
    """A copy of the signal that requires a gradient; inside, the model is in evaluation mode."""
    with (
        evaluating(instance.model),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        yield instance.x.detach().clone().requires_grad_()


def compute_gradients(output: Tensor, inputs: list[Tensor]) -> tuple[list[Tensor], list[str]]:
    """∂(Σ outputs) / ∂ each input, zeros if it does not depend on it, and notes.

    The samples of a batch do not depend on one another, so the gradient of the sum is that of
    each. No gradient is left on a parameter.
    """
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if output.requires_grad:
        found = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
    notes = [NO_PATH] if all(grad is None for grad in found) else []
    pairs = zip(found, inputs, strict=True)
    return [torch.zeros_like(x) if grad is None else grad for grad, x in pairs], notes


def gradient(instance: Instance) -> tuple[Tensor, list[str]]:
    """The saliency maxᶜ |∂f / ∂x| of each site, the largest over its channels.

    References:
        Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2014,
        https://arxiv.org/abs/1312.6034, section 3.1.
    """
    with input_with_grad(instance) as x:
        (grad,), notes = compute_gradients(instance.output(x), [x])
    return grad.abs().amax(1), notes


def input_gradient(instance: Instance) -> tuple[Tensor, list[str]]:
    """Σᶜ x ∂f / ∂x of each site: to first order, the drop of the output if x is set to 0 there.

    References:
        Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box", 2016,
        https://arxiv.org/abs/1605.01713, section 2.
    """
    with input_with_grad(instance) as x:
        (grad,), notes = compute_gradients(instance.output(x), [x])
    return (instance.x * grad).sum(1), notes


def guided_gradient(instance: Instance) -> tuple[Tensor, list[str]]:
    """maxᶜ |∂f / ∂x| of each site, with negative gradients set to 0 at every rectifier.

    References:
        Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", 2015, https://arxiv.org/abs/1412.6806, section 3.4.
        Differs from the paper: activations similar to ReLU (ReLU6, GELU, SiLU, ...) are guided
        too, also where they are called as functions.
    """
    with input_with_grad(instance) as x:
        with Guided() as guide:
            output = instance.output(x)
        (grad,), notes = compute_gradients(output, [x])
    if not guide.count:
        notes = [*notes, NO_RECTIFIER]
    return grad.abs().amax(1), notes


class Guided(TorchFunctionMode):
    """A mode in which rectifiers pass on only positive gradients; `count` counts their calls.

    It intercepts functions rather than modules, so that rectifiers called as functions are
    covered, a module may be called several times, and no hook is left on the model. In-place
    rectifiers are covered too: the hook is on their result.
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
        """Call the function; if it is a rectifier, clamp the gradient of its result at 0."""
        out = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS and isinstance(out, Tensor):
            given = dict(zip(("input", "min_val"), args, strict=False)) | (kwargs or {})
            if func not in _HARDTANH or given.get("min_val", -1.0) == 0:
                self.count += 1
                if out.requires_grad:
                    out.register_hook(_positive)
        return out


def _positive(grad: Tensor) -> Tensor:
    return grad.clamp(min=0)
