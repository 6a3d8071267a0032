"""Mean and standard deviation of the training targets of a regression."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from gnnvision.domains.device import as_double

__all__ = ["target_moments"]


def target_moments(y: Tensor, rows: ArrayLike) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each target over some rows; 1 for a constant target.

    Args:
        y: The targets, NaN where one is missing. Shape (N, T).
        rows: The rows to use, usually the training split.

    Shapes:
        Output: two of (T,), with the dtype and device of `y`.
    """
    values = as_double(y[torch.from_numpy(np.array(rows, dtype=np.int64)).to(y.device)])
    count = (~values.isnan()).sum(0).clamp(min=1)
    mean = values.nansum(0) / count
    std = ((values - mean).square().nansum(0) / count).sqrt()
    std = torch.where(std > 0, std, torch.ones_like(std))
    return mean.to(y.dtype).to(y.device), std.to(y.dtype).to(y.device)
