"""Train the stages of a plan for one seed; each can be stopped after any step and resumed."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from gnnvision.data import ImageTask, Split, SplitName, Task
from gnnvision.errors import invalid
from gnnvision.layers import Rescale
from gnnvision.training import Outcome, Recipe
from gnnvision.training.checkpoint import Checkpoint, pack
from gnnvision.training.checks import check_recipe, check_split, without_validation
from gnnvision.training.objective import objective
from gnnvision.training.progress import Reporter, StopRequest
from gnnvision.training.seed_run import SeedRun
from gnnvision.training.seeds import seeded
from gnnvision.training.session import SAVE_EVERY_S
from gnnvision.training.threads import threads_for
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.features import FrozenFeatures, frozen_features
from gnnvision.transfer.freeze import freeze, freeze_norm_statistics, unfreeze
from gnnvision.transfer.plan import Plan

__all__ = ["Monitor", "OnProgress", "StageRunner", "preprocess"]

OnProgress = Callable[[str], None]


@dataclass
class Monitor:
    """The progress display, the stop request and the checkpoints of a training.

    Args:
        stop: whether the user requested a stop.
        reporter: shows the progress.
        save: called with a checkpoint of the seed regularly and when it is stopped.
        number: index of the seed.
        seed: the seed.
    """

    stop: StopRequest
    reporter: Reporter
    save: Callable[[Checkpoint], object] = lambda checkpoint: None
    number: int = 0
    seed: int = 0
    _saved_at: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time to save a checkpoint."""
        if time.monotonic() - self._saved_at < SAVE_EVERY_S:
            return False
        self._saved_at = time.monotonic()
        return True


@dataclass
class _Progress:
    """The progress of a seed, as stored in checkpoints.

    Args:
        stage: number of completed stages.
        before: number of epochs in these.
        kept: the epoch whose weights are kept.
        history: metrics of the completed stages.
        begun: first epoch of each stage and what it trains, as text.
        seconds: training time before the stop.
    """

    stage: int = 0
    before: int = 0
    kept: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    begun: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class _Stage:
    """A stage of the training: the number of frozen blocks, the recipe, and their outputs."""

    cut: int
    recipe: Recipe
    frozen: FrozenFeatures | None

    def trained(self, blocks: int) -> str:
        """What the stage trains, as text."""
        count = blocks - self.cut
        if not count:
            return "the head only"
        return (
            "the whole network"
            if not self.cut
            else f"the last {count} block{'' if count == 1 else 's'} and the head"
        )


class StageRunner:
    """Trains the stages of a plan for one seed at a time.

    The outputs of frozen blocks are computed on construction, for all seeds and splits.

    Args:
        backbone: with its pretrained weights.
        task: as loaded.
        plan: the stages.
        on_progress: called with a sentence after each step.
        device: to train on.
        progress: whether to show progress bars while features are computed.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: Task,
        plan: Plan,
        on_progress: OnProgress,
        device: str = "cpu",
        progress: bool = True,
    ) -> None:
        self.backbone = backbone = copy.deepcopy(backbone).to(device)
        self.plan, self.device, self.on_progress = plan, device, on_progress
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
                got = f"{recipe.progressive_resizing:g} in {name!r} of the plan"
                raise invalid("progressive_resizing", condition, got, "Omit it in that stage.")
        head = frozen_features(backbone, self.task, views=plan.views, progress=progress)
        assert head is not None
        self.stages = [_Stage(count, plan.head, head)]
        for number, cut in enumerate(cuts):
            epochs = plan.fine.epochs * (number + 1) // len(cuts)
            epochs -= plan.fine.epochs * number // len(cuts)
            frozen = None
            if cut:
                views = plan.fine_views if _has_augmentation(self.task) else 0
                label = f" of the first {cut} blocks"
                frozen = frozen_features(
                    backbone, self.task, cut, views=views, progress=progress, label=label
                )
                if frozen is None:
                    on_progress(
                        "the blocks are not a plain sequence, so frozen ones run in each epoch"
                    )
            self.stages.append(_Stage(cut, replace(plan.fine, epochs=max(1, epochs)), frozen))

    @property
    def reported_task(self) -> Task:
        """The task as trained on: without augmentation if no augmented view was used."""
        used = [stage.frozen is None or len(stage.frozen.task.views) for stage in self.stages]
        if any(used) or not isinstance(self.task, ImageTask):
            return self.task
        return self.task.with_augment(None)

    @property
    def last_recipe(self) -> Recipe:
        """The recipe of the last stage."""
        return self.stages[-1].recipe

    @property
    def epochs(self) -> int:
        """The number of epochs of all stages, without early stopping."""
        return sum(stage.recipe.epochs for stage in self.stages)

    def untrained(self, split: Split) -> Backbone:
        """A copy of the backbone with a newly initialized head."""
        model = copy.deepcopy(self.backbone)
        model.reset_head(self.task.num_outputs)
        _set_target_statistics(model, replace(self.task, split=split))
        return model

    def run(
        self,
        seed: int,
        split: Split,
        split_names: Sequence[SplitName],
        monitor: Monitor | None = None,
        resumed: Checkpoint | None = None,
    ) -> tuple[nn.Module, Outcome] | None:
        """Train one seed and evaluate it.

        Args:
            seed: initializes the head and orders the items.
            split: training, validation and test items.
            split_names: the splits to evaluate.
            monitor: shows the progress and may stop the training.
            resumed: the checkpoint of this seed that `monitor.save` received, to resume from.

        Returns:
            The network and its metrics; None if it was stopped.
        """
        at = _Progress()
        if resumed is not None:
            at = _Progress(**resumed.state["transfer"])
        started = time.perf_counter() - at.seconds
        run: SeedRun | None = None
        with seeded(seed):
            model = self.untrained(split)
            if resumed is not None:
                model.load_state_dict(resumed.group("start"), strict=False)
            for number in range(at.stage, len(self.stages)):
                at.stage, at.seconds = number, time.perf_counter() - started
                if len(at.begun) == number:  # and not resumed
                    blocks = len(self.backbone.blocks)
                    at.begun.append((at.before + 1, self.stages[number].trained(blocks)))
                run = self._train(model, split, seed, at, monitor, resumed)
                if run is None:
                    return None
                resumed = None
                at.history += [row | {"epoch": row["epoch"] + at.before} for row in run.history]
                at.kept, at.before = at.before + run.best_epoch, at.before + run.epoch
            assert run is not None, "a plan without stages"
            metrics, remarks, target, output = run.evaluate_splits(split_names)
        goal = objective(self.task)
        outcome = Outcome(
            seed=seed,
            epochs=at.before,
            best_epoch=at.kept,
            metrics=metrics,
            seconds=time.perf_counter() - started,
            history=at.history,
            split_hash=split.hash,
            target=target,
            prediction=goal.predict(output),
            remarks=remarks,
            stages=[(epoch, what) for epoch, what in at.begun],
        )
        unfreeze(model)
        return model.network, outcome

    def _train(
        self,
        model: Backbone,
        split: Split,
        seed: int,
        at: _Progress,
        monitor: Monitor | None,
        resumed: Checkpoint | None,
    ) -> SeedRun | None:
        """Train one stage: the blocks after its frozen ones, and the head; None if stopped."""
        stage = self.stages[at.stage]
        blocks = model.blocks
        for block in blocks[stage.cut :]:
            unfreeze(*block.modules)
            if not self.plan.update_norms:
                freeze_norm_statistics(*block.modules)
        for block in blocks[: stage.cut]:
            freeze(*block.modules)
        start = self._changed(model) if monitor is not None else {}
        frozen = stage.frozen
        task: Task = self.task if frozen is None else frozen.task.to(self.device)
        trained: nn.Module = model if frozen is None else frozen.rest(model)
        recipe = stage.recipe
        if recipe.checkpoint_selection != "last" and not len(split.val):
            recipe = without_validation(recipe)
        small = 0 if stage.cut == len(blocks) else 2**30
        with threads_for(small):
            run = SeedRun(trained, replace(task, split=split), recipe, seed, "float32", False)
            if resumed is not None:
                run.restore(resumed)
            if not self._finish(run, start, at, monitor):
                return None
            run.kept_model.load_state_dict(run.best)
        if frozen is not None and stage.cut < len(blocks):
            model.load_state_dict(run.best, strict=False)  # the copy lacks the frozen blocks
        elif run.average is not None:
            trained.load_state_dict(run.best)
        return run

    def _finish(
        self, run: SeedRun, start: dict[str, Tensor], at: _Progress, monitor: Monitor | None
    ) -> bool:
        """Train to the end of the stage; False if stopped, after saving."""
        began, took, size = time.perf_counter(), at.seconds, len(run.task.split.train)

        def checkpoint() -> Checkpoint:
            saved = run.checkpoint()
            seconds = took + time.perf_counter() - began
            state = {"transfer": vars(at) | {"seconds": seconds}}
            return Checkpoint(saved.tensors | pack("start", start), saved.state | state)

        def after_step(seen: int) -> bool:
            if monitor is None:
                return True
            monitor.reporter.step(monitor.number, monitor.seed, at.before + run.epoch, seen, size)
            if monitor.due():
                monitor.save(checkpoint())
            return not monitor.stop.requested

        while not run.finished:
            stopped = monitor is not None and monitor.stop.requested
            row = None if stopped else run.train_epoch(after_step)
            if row is None:
                assert monitor is not None
                monitor.save(checkpoint())
                return False
            row |= run.validate()
            run.consider(row)
            if monitor is not None:
                shown = row | {"epoch": row["epoch"] + at.before}
                monitor.reporter.epoch(monitor.number, monitor.seed, shown)
        return True

    def _changed(self, model: Backbone) -> dict[str, Tensor]:
        """The weights that differ from the backbone's."""
        before = self.backbone.state_dict()
        return {
            name: tensor.detach().clone()
            for name, tensor in model.state_dict().items()
            if name not in before
            or tensor.shape != before[name].shape
            or not torch.equal(tensor, before[name])
        }


def preprocess(backbone: Backbone, task: Task) -> Task:
    """The task after the backbone's preprocessing."""
    return task if backbone.preprocessing is None else backbone.preprocessing.prepare(task)


def _set_target_statistics(model: Backbone, task: Task) -> None:
    """Set the mean and standard deviation of the targets in a `Rescale` layer of the head."""
    moments = task.target_statistics
    if moments is not None:
        for module in model.head:
            if isinstance(module, Rescale):
                module.initialize_targets(*moments)


def _has_augmentation(task: Task) -> bool:
    return getattr(task, "augment", None) is not None
