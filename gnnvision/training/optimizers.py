"""The optimizer of a recipe, with a learning rate and weight decay for each parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gnnvision.errors import invalid
from gnnvision.layers import Convolution
from gnnvision.training.blocks import blocks, last_linear

__all__ = ["Muon", "OptimizerSettings", "make_optimizer", "orthogonalize"]


class _Eager(Optimizer):
    """An optimizer outside of compiled code: the methods of torch without their wrappers.

    The wrappers keep `torch.compile` from tracing these methods, and import it to do so, which
    takes a second. Only models are compiled here, never optimizers. A method that a future
    version of torch does not wrap is taken as it is.
    """

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)


class Adam(_Eager, torch.optim.Adam):
    """`torch.optim.Adam`, which does not import the compiler."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class AdamW(_Eager, torch.optim.AdamW):
    """`torch.optim.AdamW`, which does not import the compiler."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class SGD(_Eager, torch.optim.SGD):
    """`torch.optim.SGD`, which does not import the compiler."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.SGD.step))


class OptimizerSettings(NamedTuple):
    """The settings of a recipe that an optimizer depends on; `Recipe` documents them."""

    optimizer: Literal["adam", "adamw", "sgd", "muon"]
    lr: float
    lr_head: float | None
    lr_bias: float | None
    layer_decay: float
    weight_decay: float
    weight_decay_scope: str
    momentum: float


def make_optimizer(recipe: OptimizerSettings, model: nn.Module) -> Optimizer:
    """The optimizer of a recipe for the trainable parameters of `model`.

    Raises:
        ValueError: if there are none, or a setting has no effect on any of them.
    """
    learned = [p for p in model.parameters() if p.requires_grad]
    if not learned:
        got = "none that require gradients"
        raise invalid("model", "have trainable parameters", got, "Unfreeze some of them.")
    first = {id(p) for p in _first(model).parameters()}
    head = {id(p) for p in _weighted(model)[-1].parameters(recurse=False)}
    depths = _depths(model) if recipe.layer_decay != 1 else {}
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for parameter in learned:
        lr = recipe.lr
        if id(parameter) in head and recipe.lr_head is not None:
            lr = recipe.lr_head
        elif parameter.ndim <= 1 and recipe.lr_bias is not None:
            lr = recipe.lr_bias
        lr *= recipe.layer_decay ** depths.get(id(parameter), 0)
        decayed = recipe.weight_decay_scope == "all" or id(parameter) in first
        options = {"lr": lr, "weight_decay": recipe.weight_decay if decayed else 0.0}
        if recipe.optimizer == "muon":
            options["orthogonal"] = parameter.ndim > 1 and id(parameter) not in head
        group = groups.setdefault(tuple(options.values()), {"params": [], **options})
        group["params"].append(parameter)
    listed = list(groups.values())
    _check_effects(recipe, listed, learned, head, depths)
    match recipe.optimizer:
        case "adam":
            return Adam(listed, recipe.lr, fused=True)
        case "adamw":
            return AdamW(listed, recipe.lr, fused=True)
        case "sgd":
            nesterov = recipe.momentum > 0
            momentum = recipe.momentum
            return SGD(listed, recipe.lr, momentum=momentum, nesterov=nesterov, fused=True)
        case "muon":
            return Muon(listed, recipe.lr, momentum=recipe.momentum)


def _check_effects(
    recipe: OptimizerSettings,
    groups: list[dict[str, Any]],
    learned: list[nn.Parameter],
    head: set[int],
    depths: dict[int, int],
) -> None:
    """Refuse a setting of the recipe that affects no parameter of this model."""
    own_lr = head if recipe.lr_head is not None else set()
    held = [
        ("lr_head", recipe.lr_head, None, any(id(p) in head for p in learned), "last layer"),
        (
            "lr_bias",
            recipe.lr_bias,
            None,
            any(p.ndim <= 1 and id(p) not in own_lr for p in learned),
            "biases or normalization layers",
        ),
        (
            "layer_decay",
            recipe.layer_decay,
            1,
            any(depths.get(id(p)) for p in learned),
            "blocks before the last layer",
        ),
        (
            "optimizer",
            recipe.optimizer,
            recipe.optimizer if recipe.optimizer != "muon" else None,
            any(group.get("orthogonal") for group in groups),
            "filters or matrices before the last layer",
        ),
        (
            "weight_decay",
            recipe.weight_decay,
            0,
            any(group["weight_decay"] and not group.get("orthogonal") for group in groups),
            "parameters that decay",
        ),
    ]
    for name, value, usual, acts, what in held:
        if value != usual and not acts:
            raise invalid(
                name,
                "have an effect on the model",
                f"{value!r} for a model without trainable {what}",
                "Leave it out, or make them trainable.",
            )


class Muon(_Eager):
    """Gradient descent along orthogonalized momentum, for the filters of convolutions.

    The momentum of a filter, seen as a matrix (C_out, C_in K), is replaced by the nearest
    orthogonal one, so that all its directions have equal weight; the filter is then scaled to
    the norm √C_out, which makes `lr` the relative length of a step. Parameters of groups with
    `orthogonal=False` (biases, the head) follow Nesterov's momentum as in `torch.optim.SGD`.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        momentum: of the running sum of gradients, from 0 to 1.
        other_momentum: the same for the groups that are not orthogonalized.
        weight_decay: added to the gradient of those.
        orthogonal: whether a group is orthogonalized.

    References:
        Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
        https://kellerjordan.github.io/posts/muon/. The scaling of the filters is that of the
        CIFAR-10 speed records, https://github.com/KellerJordan/cifar10-airbench.
        `torch.optim.Muon` takes matrices only.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.6,
        other_momentum: float = 0.85,
        weight_decay: float = 0.0,
        orthogonal: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "other_momentum": other_momentum,
            "weight_decay": weight_decay,
            "orthogonal": orthogonal,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            orthogonal = group["orthogonal"]
            momentum = group["momentum" if orthogonal else "other_momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad
                if group["weight_decay"] and not orthogonal:
                    gradient = gradient.add(parameter, alpha=group["weight_decay"])
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
                buffer = state["momentum_buffer"].mul_(momentum).add_(gradient)
                update = gradient.add(buffer, alpha=momentum)
                if orthogonal:
                    parameter.mul_(len(parameter) ** 0.5 / parameter.norm())
                    update = orthogonalize(update.reshape(len(update), -1)).view_as(update)
                if isinstance(group["lr"], Tensor):  # on a GPU, which the host does not wait for
                    parameter.addcmul_(update, group["lr"], value=-1)
                else:
                    parameter.add_(update, alpha=-group["lr"])


def orthogonalize(matrix: Tensor, steps: int = 3) -> Tensor:
    """An approximation of the orthogonal matrix nearest to `matrix`, with singular values near 1.

    It is computed by the Newton-Schulz iteration with a polynomial of degree 5, in bfloat16.

    Args:
        matrix: of shape (rows, columns).
        steps: number of iterations; three bring the singular values into 0.3 to 1.3, unless they
            are tiny.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    nearest: Tensor = (x if wide else x.T).to(matrix.dtype)
    return nearest


def _weighted(model: nn.Module) -> list[nn.Module]:
    """The modules with parameters that are not in a submodule, in order."""
    return [m for m in model.modules() if any(True for _ in m.parameters(recurse=False))]


def _depths(model: nn.Module) -> dict[int, int]:
    """The number of blocks from each parameter to the head: 0 in the head, 1 just before it."""
    parts = blocks(model)
    early = len(parts)  # for parameters outside of blocks, such as a position embedding
    depths = dict.fromkeys(map(id, model.parameters()), early)
    for number, block in enumerate(parts):
        for module in block.modules:
            depths |= dict.fromkeys(map(id, module.parameters()), len(parts) - number)
    return depths | dict.fromkeys(map(id, last_linear(model)[1].parameters()), 0)


def _first(model: nn.Module) -> nn.Module:
    """The first convolution or, in a network without any, the first module with weights."""
    convolutions = (m for m in model.modules() if isinstance(m, Convolution))
    return next(convolutions, _weighted(model)[0])
