"""Freezing that holds: weights, norm statistics and dropout of a module stay as they are."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["freeze", "hold_statistics", "is_frozen", "unfreeze"]

_MARK = "_learned_before_frozen"


def freeze(*modules: nn.Module) -> None:
    """Let nothing in these modules change, whatever mode the model around them is in.

    Their parameters require no gradients, so no optimizer moves them; and they run in evaluation
    mode: batch norms normalize by their running statistics and do not update them, dropout drops
    nothing. `model.train()` does not undo that: each module goes back to evaluation mode before
    it runs. Copies of a frozen module are frozen.

    Args:
        *modules: to freeze, with all that is in them.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(3)
        >>> freeze(norm)
        >>> _ = norm.train()(torch.rand(4, 3))
        >>> norm.running_mean
        tensor([0., 0., 0.])
    """
    for module in modules:
        for part in module.modules():
            own = dict(part.named_parameters(recurse=False))
            # What was not learned before, as a whitening layer, is not to be after `unfreeze`.
            _hold(part, tuple(name for name, p in own.items() if p.requires_grad))
            for parameter in own.values():
                parameter.requires_grad_(False)
                parameter.grad = None


def hold_statistics(*modules: nn.Module) -> None:
    """Let the batch norms in these modules go on with the statistics they have.

    They normalize by their running mean and variance, in training too, and do not update them;
    their gains and biases are learned as before. A few hundred items say less about the statistics
    than the data that a backbone was trained on; and where weights come from a network whose
    norms were folded into its convolutions, the statistics of a batch have nothing to do with
    the ones that the weights expect.

    Args:
        *modules: to look for batch norms in; `unfreeze` undoes it.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(3)
        >>> hold_statistics(norm)
        >>> norm.train()(torch.ones(4, 3))[0], norm.weight.requires_grad
        (tensor([1.0000, 1.0000, 1.0000], grad_fn=<SelectBackward0>), True)
    """
    for module in modules:
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                _hold(part, ())


def unfreeze(*modules: nn.Module) -> None:
    """Undo `freeze` and `hold_statistics`.

    What was learned before is learned again; the modes are those of training.

    Args:
        *modules: frozen or held ones; others are left alone.
    """
    for module in modules:
        for part in module.modules():
            if not is_frozen(part):
                continue
            for name in vars(part).pop(_MARK):
                getattr(part, name).requires_grad_(True)
            hooks = part._forward_pre_hooks
            for number in [n for n, hook in hooks.items() if hook is _stay]:
                del hooks[number]
            part.training = True


def is_frozen(module: nn.Module) -> bool:
    """Whether `freeze` or `hold_statistics` keeps this module in evaluation mode."""
    return _MARK in vars(module)


def _hold(module: nn.Module, names: tuple[str, ...]) -> None:
    """Keep a module in evaluation mode; `names` of its parameters are to be learned afterwards."""
    if not is_frozen(module):
        module.register_forward_pre_hook(_stay)
    vars(module)[_MARK] = (*vars(module).get(_MARK, ()), *names)
    module.training = False


def _stay(module: nn.Module, given: tuple[Any, ...]) -> None:
    """A function of its own and not a closure, so that copies and pickles of a module keep it."""
    module.training = False
