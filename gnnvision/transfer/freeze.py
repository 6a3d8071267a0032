"""Freezing, which also fixes BatchNorm statistics and dropout."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["freeze", "freeze_norm_statistics", "is_frozen", "unfreeze"]

_MARK = "_learned_before_frozen"


def freeze(*modules: nn.Module) -> None:
    """Freeze modules: their parameters, BatchNorm statistics and dropout stay fixed.

    Their parameters require no gradients, so that no optimizer changes them, and they run in
    evaluation mode: batch norms normalize by their running statistics without updating them, and
    dropout is off. `model.train()` does not undo this: each module returns to evaluation mode
    before it runs. Copies of a frozen module are frozen.

    Args:
        *modules: the modules to freeze; their submodules are frozen too.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(3)
        >>> freeze(norm)
        >>> _ = norm.train()(torch.rand(4, 3))
        >>> norm.running_mean
        tensor([0., 0., 0.])
    """
    for module in modules:
        for submodule in module.modules():
            own = dict(submodule.named_parameters(recurse=False))
            # What was not trained before (a whitening layer) stays so after `unfreeze`.
            _set_evaluation(submodule, tuple(name for name, p in own.items() if p.requires_grad))
            for parameter in own.values():
                parameter.requires_grad_(False)
                parameter.grad = None


def freeze_norm_statistics(*modules: nn.Module) -> None:
    """Fix the running statistics of all batch norms in these modules.

    They normalize by their running mean and variance in training too and do not update them;
    their scale and bias are still trained. A few hundred items estimate the statistics worse
    than the data that a backbone was trained on; and if the norms of a network were folded into
    its convolutions, batch statistics differ from what the weights expect.

    Args:
        *modules: the modules whose batch norms are fixed; `unfreeze` undoes this.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(3)
        >>> freeze_norm_statistics(norm)
        >>> norm.train()(torch.ones(4, 3))[0], norm.weight.requires_grad
        (tensor([1.0000, 1.0000, 1.0000], grad_fn=<SelectBackward0>), True)
    """
    for module in modules:
        for submodule in module.modules():
            if isinstance(submodule, nn.modules.batchnorm._BatchNorm):
                _set_evaluation(submodule, ())


def unfreeze(*modules: nn.Module) -> None:
    """Undo `freeze` and `freeze_norm_statistics`.

    Parameters that were trainable before are trainable again; the modules are in training mode.

    Args:
        *modules: frozen modules; others are unchanged.
    """
    for module in modules:
        for submodule in module.modules():
            if not is_frozen(submodule):
                continue
            for name in vars(submodule).pop(_MARK):
                getattr(submodule, name).requires_grad_(True)
            hooks = submodule._forward_pre_hooks
            for number in [n for n, hook in hooks.items() if hook is _stay_in_evaluation]:
                del hooks[number]
            submodule.training = True


def is_frozen(module: nn.Module) -> bool:
    """Whether `freeze` or `freeze_norm_statistics` keeps this module in evaluation mode.

    Args:
        module: any module.
    """
    return _MARK in vars(module)


def _set_evaluation(module: nn.Module, names: tuple[str, ...]) -> None:
    """Keep a module in evaluation mode; `unfreeze` makes its parameters `names` trainable."""
    if not is_frozen(module):
        module.register_forward_pre_hook(_stay_in_evaluation)
    vars(module)[_MARK] = (*vars(module).get(_MARK, ()), *names)
    module.training = False


def _stay_in_evaluation(module: nn.Module, given: tuple[Any, ...]) -> None:
    """A forward hook; not a closure, so that copies and pickles of a module keep it."""
    module.training = False
