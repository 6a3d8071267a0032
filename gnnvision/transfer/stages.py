"""A plan at work: the stages of a transfer, each of which can stop after any step and go on."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from gnnvision.data import ImageTask, Split, SplitName, Task
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
from gnnvision.transfer.features import Frozen, frozen_part
from gnnvision.transfer.freeze import freeze, hold_statistics, unfreeze
from gnnvision.transfer.plan import Plan

__all__ = ["Told", "Transfer", "Watch", "prepared"]

Told = Callable[[str], None]


@dataclass
class Watch:
    """How a person sees a training, stops it, and finds it again.

    Args:
        stop: whether somebody asked to stop.
        reporter: what people see.
        save: called with what it takes to go on with the seed, when it is stopped and now and
            then before.
        number: of the seed, from 0.
        seed: the seed.
    """

    stop: StopRequest
    reporter: Reporter
    save: Callable[[Checkpoint], object] = lambda checkpoint: None
    number: int = 0
    seed: int = 0
    _saved_at: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time to save again."""
        if time.monotonic() - self._saved_at < SAVE_EVERY_S:
            return False
        self._saved_at = time.monotonic()
        return True


@dataclass
class _Progress:
    """How far a seed is.

    Args:
        stage: how many stages are over.
        before: how many epochs these had.
        kept: the epoch that is kept.
        history: of the stages that are over.
        begun: the first epoch of each stage and what is trained in it.
        seconds: that the seed has taken before it was stopped.
    """

    stage: int = 0
    before: int = 0
    kept: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    begun: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class _Stage:
    """Where one stage of the training works."""

    cut: int
    recipe: Recipe
    frozen: Frozen | None

    def trained(self, blocks: int) -> str:
        """What is trained in it, in words."""
        count = blocks - self.cut
        if not count:
            return "the head alone"
        return (
            "the whole network"
            if not self.cut
            else f"the last {count} block{'' if count == 1 else 's'} and the head"
        )


class Transfer:
    """A plan at work: what it freezes is computed when it is made, whatever the seeds and splits.

    Args:
        backbone: with its weights.
        task: as it was loaded.
        plan: what to do.
        told: called with a sentence about each step.
        device: where to.
    """

    def __init__(
        self, backbone: Backbone, task: Task, plan: Plan, told: Told, device: str = "cpu"
    ) -> None:
        self.backbone = backbone = copy.deepcopy(backbone).to(device)
        self.plan, self.device, self.told = plan, device, told
        self.task = prepared(backbone, task).to(device)
        for recipe in (plan.head, plan.fine):
            check_recipe(recipe, self.task, objective(self.task))
            check_split(self.task, without_validation(recipe))
        count = len(backbone.blocks)
        cuts = plan.stages(count)
        computed = [("head", plan.head)] + [("fine", plan.fine)] * any(cuts)
        for name, recipe in computed:  # on features, which have one size
            if recipe.progressive_resizing:
                raise ValueError(
                    "'progressive_resizing' must be 0 for what trains on precomputed features, "
                    f"got {recipe.progressive_resizing:g} in {name!r} of the plan. Leave it out "
                    "there."
                )
        head = frozen_part(backbone, self.task, views=plan.views)
        assert head is not None
        self.stages = [_Stage(count, plan.head, head)]
        for number, cut in enumerate(cuts):
            epochs = plan.fine.epochs * (number + 1) // len(cuts)
            epochs -= plan.fine.epochs * number // len(cuts)
            frozen = None
            if cut:
                views = plan.fine_views if _varies(self.task) else 0
                frozen = frozen_part(backbone, self.task, cut, views=views)
                if frozen is None:
                    told("its blocks do not follow one another: the frozen ones run every time")
            self.stages.append(_Stage(cut, replace(plan.fine, epochs=max(1, epochs)), frozen))

    @property
    def shown_task(self) -> Task:
        """The task as it was trained on: not varied, if no view of an item was used."""
        used = [stage.frozen is None or len(stage.frozen.task.views) for stage in self.stages]
        if any(used) or not isinstance(self.task, ImageTask):
            return self.task
        return self.task.with_augment(None)

    @property
    def last_recipe(self) -> Recipe:
        """Of the last stage."""
        return self.stages[-1].recipe

    @property
    def epochs(self) -> int:
        """Of all stages, if none ends early."""
        return sum(stage.recipe.epochs for stage in self.stages)

    def untrained(self, split: Split) -> Backbone:
        """The backbone with a newly drawn head."""
        model = copy.deepcopy(self.backbone)
        model.reset_head(self.task.num_outputs)
        _tell_targets(model, replace(self.task, split=split))
        return model

    def run(
        self,
        seed: int,
        split: Split,
        parts: Sequence[SplitName],
        watch: Watch | None = None,
        resumed: Checkpoint | None = None,
    ) -> tuple[nn.Module, Outcome] | None:
        """Train one seed on a split, and measure its parts.

        Args:
            seed: draws the head and the order of the items.
            split: of the items.
            parts: to measure.
            watch: who looks on and may stop it.
            resumed: what `watch.save` was given of this seed, to go on from there.

        Returns:
            The network, and what was measured; None if it was stopped.
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
                run = self._train(model, split, seed, at, watch, resumed)
                if run is None:
                    return None
                resumed = None
                at.history += [row | {"epoch": row["epoch"] + at.before} for row in run.history]
                at.kept, at.before = at.before + run.best_epoch, at.before + run.epoch
            assert run is not None, "a plan without stages"
            metrics, remarks, target, output = run.measure_parts(parts)
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
        watch: Watch | None,
        resumed: Checkpoint | None,
    ) -> SeedRun | None:
        """One stage, in which the blocks behind its cut and the head change; None if stopped."""
        stage = self.stages[at.stage]
        blocks = model.blocks
        for block in blocks[stage.cut :]:
            unfreeze(*block.modules)
            if not self.plan.update_norms:
                hold_statistics(*block.modules)
        for block in blocks[: stage.cut]:
            freeze(*block.modules)
        start = self._changed(model) if watch is not None else {}
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
            if not self._finish(run, start, at, watch):
                return None
            run.kept_model.load_state_dict(run.best)
        if frozen is not None and stage.cut < len(blocks):
            model.load_state_dict(run.best, strict=False)  # the copy lacks what is frozen
        elif run.average is not None:
            trained.load_state_dict(run.best)
        return run

    def _finish(
        self, run: SeedRun, start: dict[str, Tensor], at: _Progress, watch: Watch | None
    ) -> bool:
        """Train to the end of the stage; False if stopped on the way, after saving."""
        began, took, size = time.perf_counter(), at.seconds, len(run.task.split.train)

        def checkpoint() -> Checkpoint:
            held = run.checkpoint()
            seconds = took + time.perf_counter() - began
            state = {"transfer": vars(at) | {"seconds": seconds}}
            return Checkpoint(held.tensors | pack("start", start), held.state | state)

        def after_step(seen: int) -> bool:
            if watch is None:
                return True
            watch.reporter.step(watch.number, watch.seed, at.before + run.epoch, seen, size)
            if watch.due():
                watch.save(checkpoint())
            return not watch.stop.asked

        while not run.finished:
            stopped = watch is not None and watch.stop.asked
            row = None if stopped else run.train_epoch(after_step)
            if row is None:
                assert watch is not None
                watch.save(checkpoint())
                return False
            row |= run.validate()
            run.consider(row)
            if watch is not None:
                shown = row | {"epoch": row["epoch"] + at.before}
                watch.reporter.epoch(watch.number, watch.seed, shown)
        return True

    def _changed(self, model: Backbone) -> dict[str, Tensor]:
        """The weights that are not the backbone's any more."""
        before = self.backbone.state_dict()
        return {
            name: tensor.detach().clone()
            for name, tensor in model.state_dict().items()
            if name not in before
            or tensor.shape != before[name].shape
            or not torch.equal(tensor, before[name])
        }


def prepared(backbone: Backbone, task: Task) -> Task:
    """The task as the backbone wants it."""
    return task if backbone.preprocessing is None else backbone.preprocessing.prepare(task)


def _tell_targets(model: Backbone, task: Task) -> None:
    """Let the head know the moments of the targets, if it asks for them."""
    moments = task.target_moments
    if moments is not None:
        for module in model.head:
            if isinstance(module, Rescale):
                module.initialize_targets(*moments)


def _varies(task: Task) -> bool:
    return getattr(task, "augment", None) is not None
