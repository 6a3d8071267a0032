"""The stages of a plan: which blocks of a backbone are trained, and on which features."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import Any

from torch import Tensor, nn

from gnnvision.data import ImageTask, Split, SplitName, Task
from gnnvision.errors import invalid
from gnnvision.training import Recipe
from gnnvision.training.checks import check_recipe, check_split, without_validation
from gnnvision.training.objective import objective
from gnnvision.training.seed_run import SeedRun
from gnnvision.training.stage import Stage
from gnnvision.training.trainer import PARTS, Trainer
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.features import FrozenFeatures, frozen_features
from gnnvision.transfer.freeze import freeze, freeze_norm_statistics, unfreeze
from gnnvision.transfer.plan import Plan

__all__ = ["Stages", "preprocess"]


@dataclass
class _BlockStage(Stage):
    """The training of the last blocks of a backbone and its head.

    Args:
        cut: the number of frozen blocks.
        frozen: their outputs; None to compute them in each epoch.
        backbone: the backbone with its pretrained weights.
        update_norms: as in `Plan`.
    """

    cut: int = 0
    frozen: FrozenFeatures | None = None
    backbone: Backbone | None = None
    update_norms: bool = False

    def begin(self, model: nn.Module) -> nn.Module:
        """Freeze the first blocks, and return the module that takes their outputs."""
        assert isinstance(model, Backbone)
        blocks = model.blocks
        for block in blocks[self.cut :]:
            unfreeze(*block.modules)
            if not self.update_norms:
                freeze_norm_statistics(*block.modules)
        for block in blocks[: self.cut]:
            freeze(*block.modules)
        return model if self.frozen is None else self.frozen.rest(model)

    def changed(self, model: nn.Module) -> dict[str, Tensor]:
        """The weights that differ from the backbone's."""
        assert self.backbone is not None
        before = self.backbone.state_dict()
        return {
            name: tensor.detach().clone()
            for name, tensor in model.state_dict().items()
            if name not in before
            or tensor.shape != before[name].shape
            or not tensor.equal(before[name])
        }

    def end(self, model: nn.Module, run: SeedRun) -> None:
        """Put the weights of the kept epoch into the model, whose last blocks were copied."""
        assert isinstance(model, Backbone)
        if self.frozen is not None and self.cut < len(model.blocks):
            model.load_state_dict(run.best, strict=False)  # the copy lacks the frozen blocks
        elif run.average is not None:
            run.model.load_state_dict(run.best)


class Stages:
    """The stages of a plan for a backbone and a task.

    The outputs of frozen blocks are computed on construction, for all seeds and splits.

    Args:
        backbone: with its pretrained weights.
        task: as loaded.
        plan: the strategy and the recipes.
        on_progress: called with a sentence after each step.
        device: to train on.
        progress: whether to show progress bars while features are computed.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: Task,
        plan: Plan,
        on_progress: Callable[[str], object],
        device: str = "cpu",
        progress: bool = True,
    ) -> None:
        self.backbone = backbone = copy.deepcopy(backbone).to(device)
        self.plan, self.device = plan, device
        self.task = preprocess(backbone, task).to(device)
        for recipe in (plan.head, plan.fine):
            check_recipe(recipe, self.task, objective(self.task))
            check_split(self.task, without_validation(recipe))
        count = len(backbone.blocks)
        cuts = plan.stages(count)
        on_features = [("head", plan.head)] + [("fine", plan.fine)] * any(cuts)
        for name, recipe in on_features:  # which have one size
            if recipe.progressive_resizing:
                condition = "be 0 for training on precomputed features"
                got = f"{recipe.progressive_resizing} in {name!r} of the plan"
                raise invalid("progressive_resizing", condition, got, "Omit it in that stage.")
        head = frozen_features(backbone, self.task, views=plan.views, progress=progress)
        assert head is not None
        self.stages = [self._stage(plan.head, count, head)]
        for number, cut in enumerate(cuts):
            epochs = plan.fine.epochs * (number + 1) // len(cuts)
            epochs -= plan.fine.epochs * number // len(cuts)
            frozen = None
            if cut:
                has_augmentation = getattr(self.task, "augment", None) is not None
                label = f" of the first {cut} blocks"
                frozen = frozen_features(
                    backbone,
                    self.task,
                    cut,
                    views=plan.fine_views if has_augmentation else 0,
                    progress=progress,
                    label=label,
                )
                if frozen is None:
                    on_progress(
                        "the blocks are not a plain sequence, so frozen ones run in each epoch"
                    )
            recipe = replace(plan.fine, epochs=max(1, epochs))
            self.stages.append(self._stage(recipe, cut, frozen))

    def _stage(self, recipe: Recipe, cut: int, frozen: FrozenFeatures | None) -> _BlockStage:
        count = len(self.backbone.blocks) - cut
        label = f"the last {count} block{'' if count == 1 else 's'} and the head"
        if not count or not cut:
            label = "the whole network" if count else "the head only"
        return _BlockStage(
            recipe,
            None if frozen is None else frozen.task,
            2**30 if count else 0,
            label,
            cut,
            frozen,
            self.backbone,
            self.plan.update_norms,
        )

    @property
    def reported_task(self) -> Task:
        """The task as trained on: without augmentation if no augmented view was used."""
        used = [stage.frozen is None or len(stage.frozen.task.views) for stage in self.stages]
        if any(used) or not isinstance(self.task, ImageTask):
            return self.task
        return self.task.with_augment(None)

    def trainer(
        self,
        seeds: Sequence[int],
        splits: Sequence[Split] | None = None,
        parts: Sequence[SplitName] = PARTS,
        *,
        precision: str = "float32",
        compiled: bool = False,
    ) -> Trainer:
        """The trainer of these stages.

        Args:
            seeds: each initializes a head and orders the items.
            splits: the split of each training; by default always that of the task.
            parts: the splits to evaluate.
            precision: "auto" is "float32", in which the features are computed.
            compiled: whether to compile the trained blocks.
        """
        splits = [self.task.split] * len(seeds) if splits is None else splits
        stages = list(self.stages)
        if not all(len(split.val) for split in splits):  # without which the last epoch is kept
            for number, stage in enumerate(stages):
                if stage.recipe.checkpoint_selection != "last":
                    recipe = without_validation(stage.recipe)
                    stages[number] = replace(stage, recipe=recipe)
        return Trainer(
            self._untrained,
            self.task,
            stages,
            seeds,
            splits=splits,
            parts=parts,
            device=self.device,
            precision="float32" if precision == "auto" else precision,
            compiled=compiled,
            identity=self._identity(),
            network=attrgetter("network"),
        )

    def _untrained(self) -> Backbone:
        """A copy of the backbone with a newly initialized head."""
        model = copy.deepcopy(self.backbone)
        model.reset_head(self.task.num_outputs)
        return model

    def _identity(self) -> dict[str, Any]:
        """The plan, and a hash of the network and its weights."""
        network = self.backbone.network
        digest = hashlib.sha256(repr(network).encode())
        for name, tensor in network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        plan: dict[str, Any] = json.loads(json.dumps(asdict(self.plan)))
        return plan | {"backbone": digest.hexdigest()}


def preprocess(backbone: Backbone, task: Task) -> Task:
    """The task after the backbone's preprocessing."""
    return task if backbone.preprocessing is None else backbone.preprocessing.prepare(task)
