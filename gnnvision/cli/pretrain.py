"""The network that a script trains first, to transfer what it learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from gnnvision import data, training, transfer
from gnnvision.training import Recipe
from gnnvision.training.record import BEST, LAST

__all__ = ["pretrained_backbone", "resume_options"]


def pretrained_backbone(
    folder: Path,
    build: Callable[[], tuple[nn.Module, data.Task]],
    recipe: Recipe,
    **options: Any,  # noqa: ANN401
) -> transfer.Backbone:
    """The backbone that was trained in a subfolder of a run; it is trained if it is not there.

    Args:
        folder: of the run.
        build: returns the untrained network and its task; called only if they are needed.
        recipe: how to train it.
        **options: further ones of `gnnvision.fit`.
    """
    place = folder / "pretrained"
    if not (place / BEST).is_file():
        model, task = build()
        result = training.fit(model, task, recipe, **options, **resume_options(place))
        print(result.summary())
    return transfer.load_backbone(place)


def resume_options(folder: Path) -> dict[str, Any]:
    """The options of `gnnvision.fit` for a training that continues if it was stopped."""
    return {"folder": folder, "resume": (folder / LAST).is_file()}
