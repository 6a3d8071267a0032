"""From a backbone to a model of a task: the head first, then as much as a strategy trains."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from gnnvision.data import ImageTask, Part, Split, Task
from gnnvision.layers import Rescale
from gnnvision.training import Outcome, Recipe, Result
from gnnvision.training.checks import check_recipe, check_split, without_validation
from gnnvision.training.fit import write_result
from gnnvision.training.measures import mean, spread, written
from gnnvision.training.objective import objective
from gnnvision.training.precision import device_name
from gnnvision.training.result import best_outcome, shown
from gnnvision.training.seed_run import SeedRun
from gnnvision.training.seeds import seeded, to_seeds
from gnnvision.training.threads import threads_for
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.features import Frozen, frozen_part
from gnnvision.transfer.freeze import freeze, hold_statistics, unfreeze
from gnnvision.transfer.plan import Plan
from gnnvision.transfer.similarity import similarity
from gnnvision.transfer.strategy import Choice, Strategy, choose_strategy

__all__ = ["Transfer", "auto_strategy", "best_strategy", "cross_validate", "fine_tune"]

Told = Callable[[str], None]
_CHEAPEST_FIRST: tuple[Strategy, ...] = ("head", "last", "part", "whole")


def auto_strategy(backbone: Backbone, task: Task, views: int = 0, device: str = "cpu") -> Choice:
    """The strategy that the size of the training part and its similarity speak for.

    Args:
        backbone: with its weights.
        task: as it was loaded.
        views: as in `Plan`, so that the features that are measured are those of the training.
        device: as in `fine_tune`.
    """
    backbone = copy.deepcopy(backbone).to(device)
    task = _prepared(backbone, task).to(device)
    measured = similarity(backbone, task, frozen_part(backbone, task, views=views))
    return choose_strategy(len(task.split.train), task.num_outputs, measured.value, str(measured))


def fine_tune(
    backbone: Backbone,
    task: Task,
    plan: Plan | None = None,
    seeds: int | Sequence[int] = 1,
    *,
    strategy: Strategy | Literal["auto"] | None = None,
    folder: Path | None = None,
    device: str = "cpu",
    told: Told | None = None,
    data_seconds: float = 0.0,
) -> Result:
    """Fit a backbone to a task, once for each seed, and measure it; the test is read once.

    A seed draws the head and the order of the items. What stays frozen is computed once for all
    seeds and kept in the cache.

    Args:
        backbone: with its weights; it is not changed.
        task: pictures, graphs or molecules, as they were loaded.
        plan: how; see `Plan`.
        seeds: how many (0, 1, ...), or which.
        strategy: instead of the plan's; "auto" for `auto_strategy`, whose reason is a note of
            the result.
        folder: a run folder, to leave the result and a checkpoint in.
        device: "cpu", "cuda", "mps"; where the features are computed, too.
        told: called with a sentence about each step.
        data_seconds: how long loading the data took, for the record.

    Returns:
        As of `fit`; `model` is the fine-tuned network of the best seed.

    Raises:
        TypeError: if the backbone is not for such a task.
        ValueError: if it is not for such pictures or molecules.
    """
    say = told or (lambda sentence: None)
    started = time.perf_counter()
    plan = plan or Plan()
    facts = {}
    if strategy == "auto":
        choice = auto_strategy(backbone, task, plan.views, device)
        say(str(choice))
        facts["Strategy"] = f"“{choice.strategy}”: {choice.reason}"
        strategy = choice.strategy
    plan = plan if strategy is None else replace(plan, strategy=strategy)
    work = Transfer(backbone, task, plan, say, device)
    goal = objective(task)
    outcomes: list[Outcome] = []
    networks: list[nn.Module] = []
    for seed in to_seeds(seeds):
        network, outcome = work.run(seed, work.task.split, ("train", "val", "test"))
        outcomes.append(outcome)
        value = written(outcome.metrics["test"].get(goal.metric, math.nan))
        say(f"seed {seed}: test {goal.metric} {value}")
        networks.append(network)
    best = outcomes.index(best_outcome(outcomes, goal.metric, goal.higher_is_better))
    result = Result(
        task=work.shown_task,
        recipe=work.last_recipe,
        model=networks[best].eval(),
        outcomes=outcomes,
        metric=goal.metric,
        higher_is_better=goal.higher_is_better,
        device=device_name(device),
        precision="float32",
        compiled=False,
        threads=torch.get_num_threads(),
        train_seconds=time.perf_counter() - started,
        data_seconds=data_seconds,
        folder=folder,
        facts=facts,
    )
    if folder is not None:
        write_result(result, folder)
    return result


def cross_validate(
    backbone: Backbone,
    task: Task,
    plans: dict[str, Plan],
    folds: int = 5,
    *,
    seed: int = 0,
    device: str = "cpu",
    told: Told | None = None,
) -> dict[str, list[float]]:
    """The score of each plan on each fold of what trains and validates; no test item is read.

    Args:
        backbone: with its weights.
        task: as it was loaded.
        plans: to compare, by name.
        folds: into how many parts the items are divided, classes in proportion.
        seed: of the division and the training.
        device: as in `fine_tune`.
        told: called with a sentence about each plan.

    Returns:
        For each plan a score for each fold, by the metric of the task.
    """
    splits = _folds(task, folds, seed)
    scores: dict[str, list[float]] = {}
    metric = objective(task).metric
    for name, plan in plans.items():
        work = Transfer(backbone, task, plan, told or (lambda sentence: None), device)
        outcomes = [work.run(seed, split, ("val",))[1] for split in splits]
        scores[name] = [outcome.metrics["val"][metric] for outcome in outcomes]
        if told is not None:
            values = " ".join(written(score, 3) for score in scores[name])
            told(
                f"{name}: {metric} {written(mean(scores[name]))} on {folds} validation folds "
                f"({values})"
            )
    return scores


def best_strategy(
    backbone: Backbone,
    task: Task,
    plan: Plan | None = None,
    folds: int = 5,
    *,
    device: str = "cpu",
    told: Told | None = None,
) -> Choice:
    """The strategy with the best mean on validation folds, the cheaper of equals.

    Args:
        backbone: with its weights.
        task: as it was loaded.
        plan: how, but for the strategy.
        folds: of what trains and validates; see `cross_validate`.
        device: as in `fine_tune`.
        told: called with a sentence about each strategy.
    """
    plan = plan or Plan()
    plans = {name: replace(plan, strategy=name) for name in _CHEAPEST_FIRST}
    scores = cross_validate(backbone, task, dict(plans.items()), folds, device=device, told=told)
    goal = objective(task)
    sign = 1 if goal.higher_is_better else -1
    means = {name: mean(scores[name]) for name in _CHEAPEST_FIRST}
    known = [name for name in _CHEAPEST_FIRST if not math.isnan(means[name])]
    if not known:
        raise ValueError(
            f"'folds' must give validation folds with a {goal.metric}, got {folds} in which it is "
            "undefined. Name a strategy instead, or give more labels of every class."
        )
    best = max(known, key=lambda name: sign * means[name])  # the first of equals
    figures = ", ".join(
        f"{name} {shown(goal.metric, spread([value]), 1)}" for name, value in means.items()
    )
    return Choice(best, f"the best on {folds} validation folds of the training part: {figures}.")


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
        self.plan, self.device = plan, device
        self.task = _prepared(backbone, task).to(device)
        for recipe in (plan.head, plan.fine):
            check_recipe(recipe, self.task, objective(self.task))
            check_split(self.task, without_validation(recipe))
        count = len(backbone.blocks)
        head = frozen_part(backbone, self.task, views=plan.views)
        assert head is not None
        self.stages = [_Stage(count, plan.head, head)]
        cuts = plan.stages(count)
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

    def run(self, seed: int, split: Split, parts: Sequence[Part]) -> tuple[nn.Module, Outcome]:
        """Train one seed on a split, and measure its parts.

        Args:
            seed: draws the head and the order of the items.
            split: of the items.
            parts: to measure.

        Returns:
            The network, and what was measured.
        """
        started = time.perf_counter()
        history: list[dict[str, float]] = []
        begun: list[tuple[int, str]] = []
        before = 0
        model = copy.deepcopy(self.backbone)
        with seeded(seed):
            model.reset_head(self.task.num_outputs)
            _tell_targets(model, replace(self.task, split=split))
            for stage in self.stages:
                begun.append((before + 1, stage.trained(len(self.backbone.blocks))))
                run = self._train(stage, model, split, seed)
                history += [row | {"epoch": row["epoch"] + before} for row in run.history]
                kept, before = before + run.best_epoch, before + run.epoch
            metrics, remarks, target, output = run.measure_parts(parts)
        goal = objective(self.task)
        outcome = Outcome(
            seed=seed,
            epochs=before,
            best_epoch=kept,
            metrics=metrics,
            seconds=time.perf_counter() - started,
            history=history,
            split_hash=split.hash,
            target=target,
            prediction=goal.predict(output),
            remarks=remarks,
            stages=begun,
        )
        unfreeze(model)
        return model.network, outcome

    def _train(self, stage: _Stage, model: Backbone, split: Split, seed: int) -> SeedRun:
        """One stage, in which the blocks behind its cut and the head change."""
        blocks = model.blocks
        for block in blocks[stage.cut :]:
            unfreeze(*block.modules)
            if not self.plan.update_norms:
                hold_statistics(*block.modules)
        for block in blocks[: stage.cut]:
            freeze(*block.modules)
        frozen = stage.frozen
        task: Task = self.task if frozen is None else frozen.task.to(self.device)
        trained: nn.Module = model if frozen is None else frozen.rest(model)
        recipe = stage.recipe
        if recipe.select != "last" and not len(split.val):
            recipe = without_validation(recipe)
        small = 0 if stage.cut == len(blocks) else 2**30
        with threads_for(small):
            run = SeedRun(trained, replace(task, split=split), recipe, seed, "float32", False)
            while not run.finished:
                row = run.train_epoch(lambda seen: True)
                assert row is not None
                run.consider(row | run.validate())
            run.kept_model.load_state_dict(run.best)
        if frozen is not None and stage.cut < len(blocks):
            model.load_state_dict(run.best, strict=False)  # the copy lacks what is frozen
        elif run.average is not None:
            trained.load_state_dict(run.best)
        return run


def _prepared(backbone: Backbone, task: Task) -> Task:
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


def _folds(task: Task, folds: int, seed: int) -> list[Split]:
    from sklearn.model_selection import KFold, StratifiedKFold

    items = np.sort(np.concatenate([task.split.train, task.split.val]))
    maker = StratifiedKFold if task.kind == "classification" else KFold
    divider = maker(folds, shuffle=True, random_state=seed)
    y = task.y.cpu().numpy()[items]  # type: ignore[attr-defined]
    return [
        Split(f"fold {number + 1} of {folds}", items[train], items[val], [])
        for number, (train, val) in enumerate(divider.split(items, y))
    ]
