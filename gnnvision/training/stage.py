"""A stage of a training: what is trained, on which inputs, and by which recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from gnnvision.data import Task
from gnnvision.training.recipe import Recipe
from gnnvision.training.seed_run import SeedRun

__all__ = ["Stage"]


@dataclass
class Stage:
    """The training of the whole model on the task itself.

    A subclass may train a part of the model, on the outputs of the other part.

    Args:
        recipe: the recipe.
        task: the task, if it is another one than that of the training.
        values: the number of values in the largest signal, which determines the number of
            threads; None to measure it.
        label: what it trains, as text.
        hops: the number of hops that the outputs depend on, of a task on nodes.
    """

    recipe: Recipe
    task: Task | None = None
    values: int | None = None
    label: str = ""
    hops: int | None = field(default=None, kw_only=True)

    def begin(self, model: nn.Module) -> nn.Module:
        """Prepare the model, and return the module to train: the model or a part of it."""
        return model

    def changed(self, model: nn.Module) -> dict[str, Tensor]:
        """The weights that a checkpoint needs in addition to those of the trained module."""
        return {}

    def end(self, model: nn.Module, run: SeedRun) -> None:
        """Put the weights of the kept epoch into the model, which `run` may have a copy of."""
