"""The exponential moving average (EMA) of the weights of a model in training."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["update_average"]


def update_average(average: AveragedModel, model: nn.Module) -> None:
    """Move an average of weights and buffers towards those of the model; at first, copy them.

    As `AveragedModel.update_parameters` does, but for its counter `n_averaged`, which the caller
    raises: that is on the CPU, and this function can be captured as a CUDA graph.
    """
    kept = [t.detach() for t in (*average.module.parameters(), *average.module.buffers())]
    now = [t.detach() for t in (*model.parameters(), *model.buffers())]
    if not average.n_averaged:
        torch._foreach_copy_(kept, now)
        return
    assert average.multi_avg_fn is not None
    for is_real in (True, False):
        chosen = [n for n, tensor in enumerate(kept) if tensor.is_floating_point() is is_real]
        if chosen:
            ema, new = [kept[n] for n in chosen], [now[n] for n in chosen]
            average.multi_avg_fn(ema, new, average.n_averaged)
