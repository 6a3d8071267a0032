"""From a backbone to a model of a task: the head first, then as much as a strategy trains."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gnnvision.data import Split, Task
from gnnvision.training import Result
from gnnvision.training.fit import write_result
from gnnvision.training.folder import read_json, write_json
from gnnvision.training.lock import in_use
from gnnvision.training.measures import format_score, mean, metric_name
from gnnvision.training.objective import objective
from gnnvision.training.precision import device_name
from gnnvision.training.progress import Interrupted, Reporter, stop_on_signal
from gnnvision.training.recipe import with_current_names
from gnnvision.training.record import is_complete, read_result
from gnnvision.training.seeds import to_seeds
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.course import Course
from gnnvision.transfer.features import frozen_part
from gnnvision.transfer.plan import Plan
from gnnvision.transfer.similarity import similarity
from gnnvision.transfer.stages import Told, Transfer, Watch, prepared
from gnnvision.transfer.strategy import Choice, Strategy, choose_strategy

__all__ = ["Transfer", "auto_strategy", "best_strategy", "cross_validate", "fine_tune"]

FOLDS = "folds.json"
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
    task = prepared(backbone, task).to(device)
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
    resume: bool = False,
    progress: bool = True,
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
        folder: a run folder, to leave the result and a checkpoint in; while it runs, also
            `checkpoints/last.safetensors`, from which it can go on.
        device: "cpu", "cuda", "mps"; where the features are computed, too.
        told: called with a sentence about each step.
        data_seconds: how long loading the data took, for the record.
        resume: whether to go on from the folder's checkpoint; a finished run is read again.
        progress: whether to show how far it is.

    Returns:
        As of `fit`; `model` is the fine-tuned network of the best seed.

    Raises:
        TypeError: if the backbone is not for such a task.
        ValueError: if it is not for such pictures or molecules, or the checkpoint to resume from
            is of another run.
        Interrupted: on Ctrl-C, after saving.
    """
    if resume and folder is None:
        raise ValueError("'folder' must be given to resume a run, got None. Name its folder.")
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
    if plan.gradual and plan.strategy in ("head", "last") and not facts:
        raise ValueError(
            f"'gradual' must be left out with strategy={plan.strategy!r}, before which no other "
            "strategy comes, got True. Use 'part' or 'whole'."
        )
    work = Transfer(backbone, task, plan, say, device)
    goal = objective(task)
    numbers = to_seeds(seeds)
    course = Course(work, numbers, folder)
    if resume and folder is not None and is_complete(folder):
        network = work.untrained(work.task.split).network
        return read_result(folder, work.shown_task, network, device)
    with nullcontext() if folder is None else in_use(folder), stop_on_signal() as stop:
        if resume:
            course.restore()
        earlier = sum(outcome.seconds for outcome in course.outcomes)
        try:
            with Reporter(progress, len(numbers), work.epochs) as reporter:
                course.run(stop, reporter)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # a second request
            raise Interrupted("Stopped at once. What was saved last is kept.") from None
    result = Result(
        task=work.shown_task,
        recipe=work.last_recipe,
        model=course.best_network(),
        outcomes=course.outcomes,
        metric=goal.metric,
        higher_is_better=goal.higher_is_better,
        device=device_name(device),
        precision="float32",
        compiled=False,
        threads=torch.get_num_threads(),
        train_seconds=earlier + time.perf_counter() - started,
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
    progress: bool = True,
    scores: dict[str, list[float]] | None = None,
    keep: Callable[[dict[str, list[float]]], object] = lambda scores: None,
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
        progress: whether to show how far it is.
        scores: those of the folds that were done before it was stopped.
        keep: called with the scores so far after each fold.

    Returns:
        For each plan a score for each fold, by the metric of the task.

    Raises:
        Interrupted: on Ctrl-C.
    """
    splits = _folds(task, folds, seed)
    scores = {} if scores is None else scores
    metric = objective(task).metric
    for name, plan in plans.items():
        done = scores.setdefault(name, [])
        if len(done) < folds:
            work = Transfer(backbone, task, plan, told or (lambda sentence: None), device)
            what = f"{name}, fold"
            with (
                stop_on_signal() as stop,
                Reporter(progress, folds, work.epochs, what) as reporter,
            ):
                for number in range(len(done), folds):
                    watch = Watch(stop, reporter, number=number, seed=number + 1)
                    if (found := work.run(seed, splits[number], ("val",), watch)) is None:
                        raise Interrupted(f"Stopped at {name}, fold {number + 1} of {folds}.")
                    done.append(found[1].metrics["val"][metric])
                    keep(scores)
        if told is not None:
            values = ", ".join(format_score(metric, score) for score in scores[name])
            average = format_score(metric, mean(scores[name]))
            told(f"{name}: {metric_name(metric)} {average} on {folds} validation folds ({values})")
    return scores


def best_strategy(
    backbone: Backbone,
    task: Task,
    plan: Plan | None = None,
    folds: int = 5,
    *,
    device: str = "cpu",
    told: Told | None = None,
    progress: bool = True,
    folder: Path | None = None,
) -> Choice:
    """The strategy with the best mean on validation folds, the cheaper of equals.

    Args:
        backbone: with its weights.
        task: as it was loaded.
        plan: how, but for the strategy.
        folds: of what trains and validates; see `cross_validate`.
        device: as in `fine_tune`.
        told: called with a sentence about each strategy.
        progress: whether to show how far it is.
        folder: a run folder, to leave the scores in and to go on from those that are there.

    Raises:
        Interrupted: on Ctrl-C; the folds that are done are saved.
    """
    plan = plan or Plan()
    plans = {name: replace(plan, strategy=name) for name in _CHEAPEST_FIRST}
    asked: dict[str, Any] = {"data": task.data_hash, "split": task.split.hash, "folds": folds}
    asked["plan"] = json.loads(json.dumps(asdict(plan)))
    file = None if folder is None else folder / FOLDS
    before = read_json(file) if file is not None and file.is_file() else {}
    same = {name: with_current_names(before.get(name)) for name in asked} == asked

    def keep(scores: dict[str, list[float]]) -> None:
        if file is not None:
            write_json(file, asked | {"scores": scores})

    scores = cross_validate(
        backbone,
        task,
        dict(plans.items()),
        folds,
        device=device,
        told=told,
        progress=progress,
        scores=before["scores"] if same else {},
        keep=keep,
    )
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
        f"{name} {format_score(goal.metric, value)}" for name, value in means.items()
    )
    return Choice(best, f"the best on {folds} validation folds of the training part: {figures}.")


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
