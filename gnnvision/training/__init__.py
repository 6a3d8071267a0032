"""Training: `fit`, recipes, seeds, checkpoints, resuming."""

import sys
from typing import TYPE_CHECKING

from gnnvision._lazy import LazyPackage

if TYPE_CHECKING:
    from gnnvision.training import recipes
    from gnnvision.training.by_layer import outputs_by_layer
    from gnnvision.training.evaluate import evaluate
    from gnnvision.training.fit import NotSaved, fit
    from gnnvision.training.folder import new_folder, read_json
    from gnnvision.training.memory import keep_memory
    from gnnvision.training.objective_base import Metric
    from gnnvision.training.progress import Interrupted
    from gnnvision.training.recipe import Recipe
    from gnnvision.training.record import read_result
    from gnnvision.training.result import Outcome, Result
    from gnnvision.training.search_space import Choices, Range
    from gnnvision.training.stored_network import find_checkpoint
    from gnnvision.training.studies import Trial
    from gnnvision.training.sweep_result import Sweep
    from gnnvision.training.sweeping import sweep

__all__ = [
    "Choices",
    "Interrupted",
    "Metric",
    "NotSaved",
    "Outcome",
    "Range",
    "Recipe",
    "Result",
    "Sweep",
    "Trial",
    "evaluate",
    "find_checkpoint",
    "fit",
    "keep_memory",
    "new_folder",
    "outputs_by_layer",
    "read_json",
    "read_result",
    "recipes",
    "sweep",
]

# `Recipe` and `recipes` need no torch, so that scripts can show them in their help.
_modules = (
    "recipe", "recipes", "by_layer", "evaluate", "fit", "folder", "memory", "objective_base",
    "progress", "record", "result", "stored_network", "search_space", "studies", "sweep_result",
    "sweeping",
)  # fmt: skip
_moved = dict.fromkeys(
    ("MoleculePredictions", "MoleculePredictor", "Predictor"), "gnnvision.runs.former"
)
sys.modules[__name__].__class__ = LazyPackage
