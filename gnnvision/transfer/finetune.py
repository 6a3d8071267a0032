"""Fine-tune a backbone on a task: the head first, then the blocks that a strategy trains."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gnnvision import _torchrun as torchrun
from gnnvision._extras import require_extra
from gnnvision._renamed import former_arguments
from gnnvision.data import Split, Task
from gnnvision.errors import invalid
from gnnvision.training import Result
from gnnvision.training.checks import without_validation
from gnnvision.training.devices import usable_device
from gnnvision.training.events import Event, SeedDone
from gnnvision.training.fit import check_task, train
from gnnvision.training.folder import read_json, write_json
from gnnvision.training.logs import LogName
from gnnvision.training.loop import Loop
from gnnvision.training.measures import format_score, mean, metric_name
from gnnvision.training.objective import objective
from gnnvision.training.printing import print_entries
from gnnvision.training.progress import Interrupted, Reporter, stop_on_signal
from gnnvision.training.recipe import Recipe, with_current_names
from gnnvision.training.seeds import to_seeds
from gnnvision.training.shared_seeds import Parallel
from gnnvision.training.threads import share_threads
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.features import frozen_features
from gnnvision.transfer.plan import Plan
from gnnvision.transfer.similarity import similarity
from gnnvision.transfer.stages import Stages, preprocess
from gnnvision.transfer.strategy import Choice, Strategy, choose_strategy

__all__ = ["auto_strategy", "best_strategy", "cross_validate", "fine_tune"]

FOLDS = "folds.json"
OnProgress = Callable[[str], object]
_CHEAPEST_FIRST: tuple[Strategy, ...] = ("head", "last", "part", "whole")


def auto_strategy(
    backbone: Backbone,
    task: Task,
    views: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> Choice:
    """Choose a strategy by the size of the training split and its similarity.

    Args:
        backbone: with its pretrained weights.
        task: as loaded.
        views: as in `Plan`, so that the same cached features are used in training.
        device: as in `fine_tune`.
        progress: whether to show progress bars.
    """
    device = usable_device(device)
    backbone = copy.deepcopy(backbone).to(device)
    task = preprocess(backbone, task).to(device)
    frozen = frozen_features(backbone, task, views=views, progress=progress)
    measured = similarity(backbone, task, frozen, progress)
    return choose_strategy(len(task.split.train), task.num_outputs, measured.value, str(measured))


@former_arguments(told="on_progress")
def fine_tune(
    backbone: Backbone,
    task: Task,
    plan: Plan | None = None,
    seeds: int | Sequence[int] = 1,
    *,
    strategy: Strategy | Literal["auto"] | None = None,
    folder: str | os.PathLike[str] | None = None,
    device: str = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    compiled: bool = False,
    on_progress: OnProgress | None = None,
    data_seconds: float = 0.0,
    resume: bool = False,
    ensemble: bool = False,
    keep_epochs: bool = False,
    save_every: float = 30.0,
    progress: bool = True,
    callbacks: Sequence[Callable[[Event], object]] = (),
    log: LogName | None = None,
    jobs: int | Literal["auto"] = 1,
    parallel: Parallel | None = None,
) -> Result:
    """Fine-tune a backbone once per seed and evaluate it; the test split is read once per seed.

    It is also read for the curves if a recipe of the plan has `evaluate_every`. The seed
    determines the initial head and the order of the items. The outputs of frozen blocks are
    computed once for all seeds and cached.

    Args:
        backbone: the backbone with its pretrained weights; it is not modified.
        task: a task on images, graphs or molecules, as `gnnvision.data.load` returns it.
        plan: the strategy and the recipes; see `Plan`.
        seeds: the number of seeds (0, 1, ...), or a list of them.
        strategy: replaces the strategy of the plan; "auto" uses `auto_strategy` and notes the
            reason in the result.
        folder: the run folder for the result and its checkpoint; during training also for
            `checkpoints/last.safetensors`, from which the run can be resumed.
        device: as for `fit`, for training and for the features.
        precision: "auto" selects float32, in which the features are computed.
        compiled: whether to compile the trained blocks with `torch.compile`.
        on_progress: called with a sentence after each step.
        data_seconds: the time to load the data, in seconds, which the result reports.
        resume: whether to resume from the checkpoint in the folder; a finished run is only read.
        ensemble: whether to keep the weights of all seeds, as for `fit`.
        keep_epochs: whether to keep the weights after each epoch, as for `fit`.
        save_every: the seconds between checkpoints to resume from, as for `fit`.
        progress: whether to print an overview of the data, and then the progress.
        callbacks: functions that are called with each event of the training, as for `fit`.
        log: "csv", "tensorboard", "trackio" or "wandb", as for `fit`.
        jobs: the number of processes that train seeds at the same time, as for `fit`.
        parallel: what the processes of torchrun share, as for `fit`.

    Returns:
        A result as of `fit`, whose `model` is the fine-tuned network of the best seed.

    Raises:
        TypeError: if the backbone does not fit this kind of task.
        ValueError: if the backbone does not fit these images or molecules, or the checkpoint to
            resume from belongs to another run.
        Interrupted: on Ctrl-C, after saving.
    """
    if resume and folder is None:
        raise invalid("folder", "be given to resume a run", None, "Name a run folder.")
    check_task(task)
    device = usable_device(device)
    notify = on_progress or (lambda sentence: None)
    share_threads()
    progress = progress and torchrun.is_first()
    if progress:
        print_entries(task.overview())
    started = time.perf_counter()
    plan = plan or Plan()
    facts = {}
    if strategy == "auto":
        choice = auto_strategy(backbone, task, plan.views, device, progress)
        choice = torchrun.agreed(choice)
        notify(str(choice))
        facts["Strategy"] = f"“{choice.strategy}”: {choice.reason}"
        strategy = choice.strategy
    plan = plan if strategy is None else replace(plan, strategy=strategy)
    if plan.gradual and plan.strategy in ("head", "last") and not facts:
        condition = f"be False with strategy={plan.strategy!r}, which has one stage"
        raise invalid("gradual", condition, True, "Use 'part' or 'whole'.")
    stages = Stages(backbone, task, plan, notify, device, progress)
    trainer = stages.trainer(to_seeds(seeds), precision=precision, compiled=compiled)
    metric = trainer.goal.metric

    def note(event: Event) -> None:
        if isinstance(event, SeedDone):
            score = format_score(metric, event.outcome.metrics["test"].get(metric, math.nan))
            notify(f"seed {event.seed}: test {metric_name(metric)} {score}")

    return train(
        trainer,
        folder=folder,
        resume=resume,
        ensemble=ensemble,
        keep_epochs=keep_epochs,
        save_every=save_every,
        progress=progress,
        callbacks=[note, *callbacks] if on_progress else callbacks,
        log=log,
        jobs=jobs,
        parallel=parallel,
        data_seconds=data_seconds,
        preparing_seconds=time.perf_counter() - started,
        overview=False,  # printed before the features were computed
        task=stages.reported_task,
        facts=facts,
    )


@former_arguments(told="on_progress")
def cross_validate(
    backbone: Backbone,
    task: Task,
    plans: dict[str, Plan],
    folds: int = 5,
    *,
    seed: int = 0,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    progress: bool = True,
    scores: dict[str, list[float]] | None = None,
    keep: Callable[[dict[str, list[float]]], object] = lambda scores: None,
) -> dict[str, list[float]]:
    """Cross-validate plans on the training and validation splits; no test item is read.

    Args:
        backbone: with its pretrained weights.
        task: as loaded.
        plans: name -> plan to compare.
        folds: number of folds, stratified by class.
        seed: of the folds and the training.
        device: as in `fine_tune`.
        on_progress: called with a sentence after each plan.
        progress: whether to show progress bars.
        scores: of the folds that are done already, to resume.
        keep: called after each fold with all scores so far.

    Returns:
        For each plan one score per fold, by the metric of the task.

    Raises:
        Interrupted: on Ctrl-C.
    """
    device = usable_device(device)
    splits = _folds(task, folds, seed)
    scores = {} if scores is None else scores
    metric = objective(task).metric
    for name, plan in plans.items():
        done = scores.setdefault(name, [])
        if len(done) < folds:
            notify = on_progress or (lambda sentence: None)
            stages = Stages(backbone, task, plan, notify, device, progress)
            left = splits[len(done) :]
            trainer = stages.trainer([seed] * len(left), left, ("val",))

            def add(event: Event, done: list[float] = done) -> None:
                if isinstance(event, SeedDone):
                    done.append(event.outcome.metrics["val"][metric])
                    keep(scores)

            word, first = f"strategy {name}, fold", len(done)
            with (
                stop_on_signal() as stop,
                Reporter(progress, folds, trainer.epochs, word, first) as reporter,
            ):
                loop = Loop(trainer, stop, None, reporter if progress else None, callbacks=[add])
                try:
                    loop.run()
                except Interrupted:
                    fold = f"fold {len(done) + 1} of {folds}"
                    raise Interrupted(f"Stopped at {name}, {fold}.") from None
        if on_progress is not None:
            values = ", ".join(format_score(metric, score) for score in scores[name])
            average = format_score(metric, mean(scores[name]))
            on_progress(
                f"{name}: {metric_name(metric)} {average} on {folds} validation folds ({values})"
            )
    return scores


@former_arguments(told="on_progress")
def best_strategy(
    backbone: Backbone,
    task: Task,
    plan: Plan | None = None,
    folds: int = 5,
    *,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    progress: bool = True,
    folder: str | os.PathLike[str] | None = None,
) -> Choice:
    """The strategy with the best mean score on validation folds; if equal, the cheaper one.

    Under torchrun, rank 0 trains the folds, and the other processes wait.

    Args:
        backbone: with its pretrained weights.
        task: as loaded.
        plan: all settings except the strategy.
        folds: number of folds; see `cross_validate`.
        device: as in `fine_tune`.
        on_progress: called with a sentence after each strategy.
        progress: whether to show progress bars.
        folder: a run folder to save the scores in, and to resume from.

    Raises:
        Interrupted: on Ctrl-C; the scores of completed folds are saved.
    """
    plan = plan or Plan()
    # A fold that also selected its epoch would be measured too well.
    plan = replace(plan, head=_last(plan.head), fine=_last(plan.fine))
    plans = {name: replace(plan, strategy=name) for name in _CHEAPEST_FIRST}
    settings: dict[str, Any] = {"data": task.data_hash, "split": task.split.hash, "folds": folds}
    settings["plan"] = json.loads(json.dumps(asdict(plan)))
    file = None if folder is None else Path(folder) / FOLDS
    before = read_json(file) if file is not None and file.is_file() else {}
    same = {name: with_current_names(before.get(name)) for name in settings} == settings

    def keep(scores: dict[str, list[float]]) -> None:
        if file is not None:
            write_json(file, settings | {"scores": scores})

    scores: dict[str, list[float]] = before["scores"] if same else {}
    if torchrun.is_first():
        scores = cross_validate(
            backbone,
            task,
            dict(plans.items()),
            folds,
            device=device,
            on_progress=on_progress,
            progress=progress,
            scores=scores,
            keep=keep,
        )
    scores = torchrun.agreed(scores)
    goal = objective(task)
    sign = 1 if goal.higher_is_better else -1
    means = {name: mean(scores[name]) for name in _CHEAPEST_FIRST}
    known = [name for name in _CHEAPEST_FIRST if not math.isnan(means[name])]
    if not known:
        condition = f"give validation folds in which {goal.metric} is defined"
        advice = "Choose a strategy yourself, or use more labels of every class."
        raise invalid("folds", condition, folds, advice)
    best = max(known, key=lambda name: sign * means[name])  # the first of equals
    figures = ", ".join(
        f"{name} {format_score(goal.metric, value)}" for name, value in means.items()
    )
    return Choice(best, f"the best in {folds}-fold cross-validation: {figures}.")


def _last(recipe: Recipe) -> Recipe:
    return replace(without_validation(recipe), evaluate_every=None)


def _folds(task: Task, folds: int, seed: int) -> list[Split]:
    require_extra("report", "Cross-validation", "sklearn")
    from sklearn.model_selection import KFold, StratifiedKFold

    items = np.sort(np.concatenate([task.split.train, task.split.val]))
    maker = StratifiedKFold if task.kind == "classification" else KFold
    divider = maker(folds, shuffle=True, random_state=seed)
    y = task.y.cpu().numpy()[items]  # type: ignore[attr-defined]
    return [
        Split(f"fold {number + 1} of {folds}", items[train], items[val], [])
        for number, (train, val) in enumerate(divider.split(items, y))
    ]
