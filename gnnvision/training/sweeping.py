"""`sweep`: trials with different settings, chosen by their validation scores."""

from __future__ import annotations

import gc
import math
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from gnnvision import _torchrun
from gnnvision.data import Task
from gnnvision.errors import at_least, integer, invalid
from gnnvision.training.checks import can_choose
from gnnvision.training.claims import Claim, Claims
from gnnvision.training.devices import usable_device
from gnnvision.training.fit import check_task, fit, train
from gnnvision.training.folder import read_json, write_json
from gnnvision.training.lock import InUse
from gnnvision.training.measures import format_stats, mean, metric_name
from gnnvision.training.objective import Loss, Metric, objective
from gnnvision.training.printing import print_entries
from gnnvision.training.progress import Interrupted
from gnnvision.training.recipe import Recipe
from gnnvision.training.record import LAST, is_complete
from gnnvision.training.result import Result
from gnnvision.training.search_space import Choices, Range, Value, combinations, read_space
from gnnvision.training.seeds import to_seeds
from gnnvision.training.stage import Stage
from gnnvision.training.studies import Journal, Trial, suggest
from gnnvision.training.sweep_result import Sweep, ranked, settings_text
from gnnvision.training.trainer import Trainer

__all__ = ["sweep"]

_Model = nn.Module | Callable[[], nn.Module]
Build = Callable[[Mapping[str, Value]], tuple[_Model, Recipe] | tuple[_Model, Recipe, Task]]
TRIES = 3  # of a trial that ends its process, as one that needs too much memory does
FREE_EVERY_S = 2.0
WAIT_S = 1.0  # between two looks at the trials of other processes
_CONFIG, _SETTINGS, _BEST = "config.json", "settings.json", "best"


def sweep(
    build: Build,
    task: Task,
    settings: Mapping[str, Any],
    *,
    folder: str | os.PathLike[str],
    trials: int = 40,
    seeds: int | Sequence[int] = 3,
    metric: str | Metric | None = None,
    loss: Loss | None = None,
    device: str = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    compiled: bool = False,
    group: int | Literal["auto"] = "auto",
    jobs: int | Literal["auto"] = 1,
    save_every: float = 30.0,
    progress: bool = True,
    facts: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Sweep:
    """Try many settings, choose the best by the validation split, and test that one.

    Each trial trains the network of some settings once for each seed, without the test split: its
    score is the mean validation score of the kept epochs. While there are few trials their
    settings are random, then Optuna's TPE draws them where good scores are likely; if there are no
    more combinations than trials, each is tried once. At the end the best settings are trained
    again with seeds of their own, and that result alone has test scores.

    The same call, or command, in several processes, also on several machines with a shared
    folder, works on the same trials: none is trained twice. A trial whose process was killed is
    resumed by another process, or by the next call. A trial that diverges or whose settings are
    refused is recorded as failed, with the reason.

    Args:
        build: a function of the settings of a trial that returns a model (or a function that
            builds one) and a recipe, and where that depends on the settings also the task.
        task: the task; see `gnnvision.data.load`.
        settings: name -> what it may be: "1e-4..1e-1", "16,32,64", several values, a `Range` or
            `Choices`; see `gnnvision.training.Range`.
        folder: the folder of the sweep; an unfinished sweep in it is continued.
        trials: how many there are; a later call may ask for more.
        seeds: the seeds of each trial; the best settings have as many, which follow them.
        metric: as for `fit`.
        loss: as for `fit`.
        device: as for `fit`.
        precision: as for `fit`.
        compiled: as for `fit`.
        group: as for `fit`.
        jobs: as for `fit`; 1 if there are several sweeping processes on one machine.
        save_every: as for `fit`.
        progress: whether to print what is going to be done, and a line for each trial.
        facts: further lines to print before, such as what is fixed.
        config: further entries of `config.json`, for JSON. Those of `fixed` must be the same in
            every process.

    Returns:
        All trials, and the result of the best settings.

    Raises:
        ModuleNotFoundError: if Optuna is not installed: `pip install 'gnnvision[sweep]'`.
        ValueError: if the settings cannot be read, the task has no validation labels, the folder
            has another sweep, or every trial failed.
        Interrupted: on Ctrl-C, after saving; the same call continues.

    Example:
        >>> def build(settings):
        ...     model = gv.models.gcn(task.in_channels, settings["hidden"], task.num_classes)
        ...     return model, gv.Recipe(epochs=20, lr=settings["lr"])
        >>> space = {"lr": "1e-3..1e-1", "hidden": [8, 16, 32]}
        >>> found = gv.sweep(build, task, space, folder="runs/mine")  # doctest: +SKIP
    """
    check_task(task)
    if _torchrun.size() > 1:
        advice = "Start the same command in several terminals or on several machines instead."
        raise invalid("sweep", "be started without torchrun", f"{_torchrun.size()} ranks", advice)
    listed = to_seeds(seeds)
    run = _Running(
        build=build,
        task=task,
        space=read_space(settings),
        folder=Path(folder),
        trials=at_least("trials", integer("trials", trials), 1),
        seeds=listed,
        fit_options={
            "metric": metric, "loss": loss, "device": usable_device(device),
            "precision": precision, "compiled": compiled, "group": group,
        },
        how={"jobs": jobs, "save_every": save_every},
        progress=progress,
    )  # fmt: skip
    return run.run(config or {}, facts or {})


class _Running:
    """One process of a sweep; the arguments are those of `sweep`."""

    def __init__(
        self,
        build: Build,
        task: Task,
        space: dict[str, Range | Choices],
        folder: Path,
        trials: int,
        seeds: Sequence[int],
        fit_options: dict[str, Any],
        how: dict[str, Any],
        progress: bool,
    ) -> None:
        self.build, self.task, self.space, self.folder = build, task, space, folder
        self.seeds, self.options, self.how, self.progress = seeds, fit_options, how, progress
        if not can_choose(task):
            advice = "Put some labeled items into it: trials are compared by them."
            raise invalid("task", "have labels in its validation split", "none", advice)
        few = combinations(space, trials)
        self.trials = trials if few is None else len(few)
        goal = objective(task, None, fit_options["loss"], fit_options["metric"])
        self.metric, self.higher = goal.metric, goal.higher_is_better
        self.journal = Journal(folder, space, self.higher)
        self.claims = Claims()
        self._freed_at = -math.inf

    def run(self, config: Mapping[str, Any], facts: Mapping[str, str]) -> Sweep:
        """Train until all trials are finished, then the best settings."""
        self._join(config)
        if self.progress:
            print_entries(self.task.overview() | dict(facts) | self._plan())
        try:
            for number, claim in self._claimed():
                with claim:
                    self._try(number, claim)
            result = self._train_best()
        except KeyboardInterrupt as stop:
            words = str(stop) or "Stopped."
            raise Interrupted(f"{words} The same command continues the sweep.") from None
        found = [trial for n, trial in self.journal.trials().items() if n < self.trials]
        return Sweep(self.folder, self.space, self.metric, self.higher, self.seeds, found, result)

    def _plan(self) -> dict[str, str]:
        """What is going to be done: a title and a text for each line."""
        direction = "highest" if self.higher else "lowest"
        how = "settings drawn by Optuna's TPE, the first ones at random"
        if combinations(self.space, self.trials) is not None:
            how = "each combination of the settings once"
        seeds = f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}"
        finished = [number for number in self.journal.trials() if number < self.trials]
        done = f"; {len(finished)} of them are finished" if finished else ""
        return {
            "varies": "; ".join(f"{name}: {one}" for name, one in self.space.items()),
            "trials": f"{self.trials}, {how}{done}; each is the mean over {seeds}",
            "choice": f"the {direction} validation {metric_name(self.metric)} of the kept epochs; "
            "the test split is read by the best settings alone, at the end, with other seeds",
            "folder": f"{self.folder}; more processes with the same command share the work",
        }

    def _join(self, config: Mapping[str, Any]) -> None:
        """Write what the sweep is, or check that the one in the folder is the same."""
        fixed = {
            "settings": {name: one.to_text() for name, one in self.space.items()},
            "seeds": list(self.seeds),
            "metric": self.metric,
            "data": self.task.data_hash,
            "split": self.task.split_rule,
            **config.get("fixed", {}),
        }
        file = self.folder / _CONFIG
        self.folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            first = self.folder / f".{socket.gethostname()}-{os.getpid()}.json"
            started = datetime.now().strftime("%Y-%m-%d %H:%M")
            write_json(first, {"started": started, **config, "fixed": fixed})
            try:
                os.link(first, file)  # unless another process was faster
            except FileExistsError:
                pass
            except OSError:  # a file system without links
                first.replace(file)
            finally:
                first.unlink(missing_ok=True)
        held = read_json(file)
        then = held.get("fixed") if isinstance(held, dict) else None
        if not isinstance(then, dict):
            raise invalid("folder", "be that of a sweep, or new", repr(str(self.folder)))
        for name in dict.fromkeys([*fixed, *then]):
            if fixed.get(name) != then.get(name):
                raise invalid(
                    name, f"be {_shown(then.get(name))} as in the sweep in {str(self.folder)!r}",
                    _shown(fixed.get(name)), "Give it again, or name a new sweep.",
                )  # fmt: skip

    def _claimed(self) -> Iterator[tuple[int, Claim]]:
        """Trials to train, one at a time, until all are finished by this process or others."""
        told = False
        while True:
            finished = self.journal.trials()
            left = [number for number in range(self.trials) if number not in finished]
            if not left:
                return
            for number in left:
                place = self._place(number)
                claim = self.claims.take(place, _progress(place))
                if claim is not None:
                    told = False
                    yield number, claim
                    break
            else:
                if not told and self.progress:
                    who = ", ".join(sorted({self.claims.holder(self._place(n)) for n in left}))
                    print(f"waiting for {len(left)} trials of other processes: {who}", flush=True)
                told = True
                time.sleep(WAIT_S)

    def _try(self, number: int, claim: Claim) -> None:
        """Train a trial and append it to the journal."""
        finished = self.journal.trials()
        if number in finished:  # in the moment before it was claimed
            return
        place, deaths = self._place(number), self.claims.deaths(claim)
        settings = self._settings(number, finished)
        trial = Trial(number, settings, host=socket.gethostname())
        if deaths >= TRIES:
            reason = f"{deaths} processes ended while they trained it, as without enough memory"
            trial = replace(trial, reason=reason)
        else:
            try:
                trial = self._train(trial, place)
            except InUse:  # by a process that is still ending
                time.sleep(WAIT_S)
                return
        if not claim.is_held():
            return
        self.journal.add(trial)
        self._free_memory()
        shutil.rmtree(place / "checkpoints", ignore_errors=True)
        self._show(trial, len(finished) + 1)

    def _free_memory(self) -> None:
        """Free the models of former trials, which refer to themselves, now and then."""
        if time.monotonic() > self._freed_at + FREE_EVERY_S:
            gc.collect()
            self._freed_at = time.monotonic()

    def _settings(self, number: int, finished: Mapping[int, Trial]) -> dict[str, Value]:
        """The settings of a trial: those that it has, or new ones."""
        file = self._place(number) / _SETTINGS
        if file.exists():
            return dict(read_json(file))
        running = [
            dict(read_json(other))
            for n in range(self.trials)
            if n not in finished and (other := self._place(n) / _SETTINGS).exists()
        ]
        settings = suggest(self.journal, number, running, self.trials)
        write_json(file, settings)
        return settings

    def _train(self, trial: Trial, place: Path) -> Trial:
        """The trial with its scores, or with the reason why it failed."""
        try:
            model, recipe, task = self._built(trial.settings)
            trainer = Trainer(
                model, task, [Stage(recipe)], list(self.seeds), parts=("train", "val"),
                **self.options,
            )  # fmt: skip
            resume = (place / LAST).exists() or is_complete(place)
            result = train(trainer, folder=place, resume=resume, progress=False, **self.how)
        except InUse:
            raise
        except (ValueError, MemoryError, torch.OutOfMemoryError) as error:
            return replace(trial, reason=" ".join(str(error).split())[:500] or "not enough memory")
        scores = tuple(result.values("val", self.metric))
        if any(map(math.isnan, scores)):
            reason = f"the validation {metric_name(self.metric)} is undefined"
            return replace(trial, reason=reason)
        loss = mean(result.values("val", "loss"))
        return replace(trial, scores=scores, loss=loss, seconds=result.train_seconds)

    def _train_best(self) -> Result:
        """The result of the best settings, trained by this process or another one."""
        found = self.journal.trials()
        order = ranked([t for n, t in found.items() if n < self.trials], self.higher)
        if not order:
            first = next(iter(found.values()))
            raise ValueError(
                f"All {len(found)} trials failed; trial {first.number}: {first.reason}"
            )
        best = order[0]
        place = self.folder / _BEST / f"trial-{best.number}"
        count = len(self.seeds)
        seeds = list(range(max(self.seeds) + 1, max(self.seeds) + 1 + count))
        model, recipe, task = self._built(best.settings)
        while True:
            claim = None if is_complete(place) else self.claims.take(place, _progress(place))
            if claim is not None:
                if self.progress:
                    print(
                        f"training the best settings with {count} other seed{'s' * (count > 1)}",
                        flush=True,
                    )
                with claim:
                    self._fit(model, task, recipe, seeds, place)
            if is_complete(place):
                return self._fit(model, task, recipe, seeds, place)
            time.sleep(WAIT_S)

    def _fit(
        self, model: _Model, task: Task, recipe: Recipe, seeds: Sequence[int], place: Path
    ) -> Result:
        resume = (place / LAST).exists() or is_complete(place)
        how = {"progress": False, **self.how, **self.options}
        return fit(model, task, recipe, seeds, folder=place, resume=resume, **how)

    def _built(self, settings: Mapping[str, Value]) -> tuple[_Model, Recipe, Task]:
        """What the user's function builds.

        Raises:
            ValueError: if the settings are refused.
        """
        model, recipe, *changed = self.build(settings)
        if recipe.evaluate_every is not None:
            advice = "Leave it out: it reads the test split."
            raise invalid("evaluate_every", "be None in a sweep", recipe.evaluate_every, advice)
        return model, recipe, changed[0] if changed else self.task

    def _place(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:03d}"

    def _show(self, trial: Trial, done: int) -> None:
        if not self.progress:
            return
        score = format_stats(self.metric, trial.stats, len(self.seeds))
        words = f"validation {metric_name(self.metric)} {score}, {trial.seconds:.1f} s"
        words = f"failed: {trial.reason}" if trial.reason else words
        place = f"trial {trial.number} ({done} of {self.trials})"
        print(f"{place}: {settings_text(trial.settings)}: {words}", flush=True)


def _progress(place: Path) -> int | None:
    """What changes whenever a checkpoint of the trial is written."""
    try:
        return (place / LAST).stat().st_mtime_ns
    except OSError:
        return None


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)[:200]
