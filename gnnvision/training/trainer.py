"""One trainer for every training: seeds and stages, one after the other, as events."""

from __future__ import annotations

import copy
import hashlib
import json
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision.data import Split, SplitName, Task
from gnnvision.errors import invalid
from gnnvision.layers.calling import check_takes
from gnnvision.layers.memory import as_made, quick_filters, quick_linears
from gnnvision.models import network_name
from gnnvision.training.checkpoint import Checkpoint, pack
from gnnvision.training.checks import check_recipe, check_split
from gnnvision.training.environment import differences, environment
from gnnvision.training.events import (
    EpochDone,
    Event,
    Measured,
    SeedDone,
    SeedStarted,
    StepDone,
)
from gnnvision.training.failures import cause_of
from gnnvision.training.objective import Loss, Metric, objective
from gnnvision.training.precision import PRECISIONS, resolve_precision
from gnnvision.training.recipe import Recipe, with_current_names
from gnnvision.training.record import pack_outcomes, unpack_outcomes
from gnnvision.training.result import Outcome, best_outcome
from gnnvision.training.seed_run import SeedRun, initialize
from gnnvision.training.seeds import fresh_model, seeded
from gnnvision.training.stage import Stage
from gnnvision.training.stored import check_outcomes, check_tensors, checkpoint_errors
from gnnvision.training.threads import largest_signal, threads_for

__all__ = ["Trainer"]

# A larger training split is not evaluated again: it has the metrics of the kept epoch itself.
MOST_EVALUATED_AGAIN = 10_000
PARTS: tuple[SplitName, ...] = ("train", "val", "test")
# The properties that checkpoints of early versions do not have, with their values then.
_THEN = {"precision": "float32", "compiled": False, "loss": None}


@dataclass
class _Progress:
    """The progress of a seed before its current stage, as stored in checkpoints."""

    stage: int = 0  # how many are complete
    before: int = 0  # their epochs
    kept: int = 0  # the epoch whose weights are kept
    history: list[dict[str, float]] = field(default_factory=list)
    begun: list[tuple[int, str]] = field(default_factory=list)  # first epoch, what it trains
    seconds: float = 0.0
    steps: list[dict[str, float]] = field(default_factory=list)  # rows between epochs
    step: int = 0  # steps before the stage

    def after(self, row: dict[str, float]) -> dict[str, float]:
        """A row of the stage, counted from the start of the seed."""
        counted = {"epoch": row["epoch"] + self.before}
        return row | counted | ({"step": row["step"] + self.step} if "step" in row else {})


class Trainer:
    """Trains a model on a task, once for each seed, in one stage or several.

    It only trains: the loop over `events` shows them, saves checkpoints, and stops by iterating
    no further. At each event `checkpoint` has everything to resume from there.

    Args:
        model: a module, or a function that builds one, for each seed.
        task: the task.
        stages: what to train, in this order; each starts from the weights of the one before.
        seeds: one for each training.
        splits: the split of each training; by default those of `task.with_seed`.
        parts: the splits to evaluate at the end.
        reset: whether to initialize the model for each seed.
        device: "cpu", "cuda" or "mps".
        precision: "auto", "float32" or "bfloat16".
        compiled: whether to compile the model.
        loss: a loss in place of that of the task; see `objective`.
        metric: the metric that compares epochs and seeds; see `objective`.
        identity: what a checkpoint must agree in to be resumed, in place of recipe and model.
        network: the network of a model, whose weights are the result.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[], nn.Module],
        task: Task,
        stages: Sequence[Stage],
        seeds: Sequence[int],
        *,
        splits: Sequence[Split] | None = None,
        parts: Sequence[SplitName] = PARTS,
        reset: bool = True,
        device: str = "cpu",
        precision: str = "auto",
        compiled: bool = False,
        loss: Loss | None = None,
        metric: str | Metric | None = None,
        identity: Mapping[str, Any] | None = None,
        network: Callable[[nn.Module], nn.Module] = lambda model: model,
    ) -> None:
        self.template = model
        self.task = task.to(device)
        self.stages = list(stages)
        self.seeds = list(seeds)
        self.splits = None if splits is None else list(splits)
        self.parts = parts
        self.reset = reset
        self.device = device
        self.compiled = compiled
        self.loss, self.metric = loss, metric
        self.goal = objective(task, self.stages[-1].recipe, loss, metric)
        self.outcomes: list[Outcome] = []
        self.concerns: list[str] = []  # about the splits of the seeds, each once
        self.threads = torch.get_num_threads()
        self._about = identity
        self._network = network
        self._requested_precision = precision
        self._kept: dict[str, Tensor] = {}  # the weights of the best seed so far
        self._run: SeedRun | None = None  # of the stage in progress
        self._seed_task, self._model = self.task, nn.Module()  # of the seed in progress
        self._at = _Progress()  # of the seed in progress
        self._start: dict[str, Tensor] = {}  # its weights outside of the trained module
        self._pending: Checkpoint | None = None  # to resume the seed in progress from
        self._resumed_epoch = 0  # of it
        self._file = Path()  # of that checkpoint
        self._saved_environment: object = None
        for stage in self.stages:
            check_recipe(stage.recipe, task, objective(task, stage.recipe, loss, metric))
            if splits is None:
                check_split(task, stage.recipe)
        self.precision = resolve_precision(precision, self._new_model(reset=False), device)

    @property
    def loss_name(self) -> str | None:
        """The name of a loss that was given; None for that of the task."""
        return None if self.loss is None else str(getattr(self.loss, "__name__", self.loss))

    def describe_network(self) -> str:
        """The name of the network and its number of parameters, as text."""
        given = self.template
        model = given if isinstance(given, nn.Module) else self._new_model(reset=False)
        model = self._network(model)
        if any(is_lazy(parameter) for parameter in model.parameters()):
            return network_name(model)
        count = sum(parameter.numel() for parameter in model.parameters())
        return f"{network_name(model)}, {count:,} parameters"

    @property
    def epochs(self) -> int:
        """The number of epochs of a seed, if none of its stages ends early."""
        return sum(stage.recipe.epochs for stage in self.stages)

    def _new_model(self, reset: bool) -> nn.Module:
        """A model on the device, with its weights laid out for fast training."""
        model = fresh_model(self.template, reset).to(self.device)
        quick_linears(model)
        quick_filters(model)
        return model

    # --- training ---------------------------------------------------------------------------

    def events(self) -> Generator[Event, None, None]:
        """Train all seeds that are not done yet.

        While an event is looked at, the random generators and the number of threads are those of
        the training.

        Yields:
            `SeedStarted`, then `StepDone` and `EpochDone` in turn, then `SeedDone`, of each seed.

        Raises:
            ValueError: if the model or a recipe does not fit the task, or the loss diverged.
        """
        for stage in self.stages:
            if stage.values is None:
                model = self._new_model(reset=False)
                x, domain, _ = next(iter(self.task.batches("train", stage.recipe.batch_size)))
                check_takes(model, domain)
                try:
                    with seeded(0):
                        stage.values = largest_signal(model, x, domain)
                except ValueError as error:
                    cause = cause_of(error, self.task, stage.recipe, 1, len(x), True)
                    if cause is None:
                        raise
                    raise cause from error
        for number in range(len(self.outcomes), len(self.seeds)):
            with seeded(self.seeds[number]):
                yield from self._train(number)

    def _train(self, number: int) -> Iterator[Event]:
        """Train a seed, stage by stage, and evaluate it."""
        seed, started = self.seeds[number], time.perf_counter()
        task = self._task_of(number)
        model = self._new_model(self.reset)
        if self.reset:
            initialize(model, task)
        self._seed_task, self._model = task, model
        pending, self._pending = self._pending, None
        at = self._at = _Progress()
        if pending is not None and "transfer" in pending.state:
            with checkpoint_errors(self._file):
                at = self._at = _Progress(**pending.state["transfer"])
            model.load_state_dict(pending.group("start"), strict=False)
        waited, begun, first = 0.0, False, at.stage
        for at.stage, stage in enumerate(self.stages[first:], first):
            if len(at.begun) == at.stage:  # and not resumed
                at.begun.append((at.before + 1, stage.label))
            trained, recipe = stage.begin(model), stage.recipe
            self._start = stage.changed(model)
            own = task if stage.task is None else stage.task.to(self.device)
            if own is not task:
                own = replace(own, split=task.split)
            assert stage.values is not None
            with threads_for(stage.values):
                self.threads = torch.get_num_threads()
                goal = objective(own, recipe, self.loss, self.metric)
                run = SeedRun(trained, own, recipe, seed, self.precision, self.compiled, goal)
                self._run = run
                if pending is not None:
                    self._warn_of_differences()
                    with checkpoint_errors(self._file):
                        run.restore(pending)
                    pending = None
                else:
                    run.seconds = time.perf_counter() - started
                if not begun:
                    begun = True
                    yield SeedStarted(number, seed, at.before + run.epoch, model)
                size = len(own.split.train)
                while not run.finished:
                    started = time.perf_counter()
                    measured = len(run.steps)
                    for seen in run.train_epoch():
                        run.seconds += time.perf_counter() - started
                        if len(run.steps) > measured:
                            measured = len(run.steps)
                            yield Measured(number, seed, at.after(run.steps[-1]))
                        yield StepDone(number, seed, at.before + run.epoch, seen, size)
                        started = time.perf_counter()
                    row = run.finish_epoch()
                    run.seconds += time.perf_counter() - started
                    row = at.after(row)
                    last = run.finished and stage is self.stages[-1]
                    yield EpochDone(number, seed, row, last)
                started = time.perf_counter()
                run.kept_model.load_state_dict(run.best)
                stage.end(model, run)
                at.history += map(at.after, run.history)
                at.steps += map(at.after, run.steps)
                at.kept, at.before = at.before + run.best_epoch, at.before + run.epoch
                at.step += run.step
                waited += run.waited
                at.seconds += run.seconds
                if stage is self.stages[-1]:
                    # The only time that the test split is read, but for `evaluate_every`.
                    metrics, remarks, target, output = run.evaluate_splits(
                        self.parts, MOST_EVALUATED_AGAIN
                    )
        network = self._network(model)
        outcome = Outcome(
            seed=seed,
            epochs=at.before,
            best_epoch=at.kept,
            metrics=metrics,
            seconds=at.seconds + time.perf_counter() - started,
            history=at.history,
            split_hash=task.split.hash,
            target=run.goal.values(target),
            prediction=run.goal.predict(output),
            waited=waited,
            remarks=remarks,
            stages=at.begun if self._about is not None else [],
            steps=at.steps,
        )
        self.outcomes.append(outcome)
        self._run, self._resumed_epoch = None, 0
        weights = run.best
        if network is not run.model:
            weights = {name: w.detach().clone() for name, w in network.state_dict().items()}
        if self.best_outcome() is outcome:
            self._kept = weights
        yield SeedDone(number, seed, outcome, task, network, weights)

    def _task_of(self, number: int) -> Task:
        """The task with the split of a seed, whose problems are warned of once."""
        if self.splits is not None:
            split = self.splits[number]
            return self.task if split is self.task.split else replace(self.task, split=split)
        task = self.task.with_seed(self.seeds[number])
        if task is not self.task:
            for stage in self.stages:
                check_split(task, stage.recipe)
        for concern in task.data_warnings():
            if concern not in self.concerns:
                self.concerns.append(concern)
                words = f"Seed {self.seeds[number]}: {concern}"
                warnings.warn(words, UserWarning, stacklevel=6)
        return task

    def _warn_of_differences(self) -> None:
        here = environment(self.device, self.threads)
        if other := differences(self._saved_environment, here):
            warnings.warn(
                f"The run is resumed with {other}: the result may differ in the last bits "
                "from that of a run that was not stopped.",
                stacklevel=6,
            )

    # --- results ----------------------------------------------------------------------------

    def best_outcome(self) -> Outcome:
        """The outcome of the best seed."""
        return best_outcome(self.outcomes, self.goal.metric, self.goal.higher_is_better)

    def network(self) -> nn.Module:
        """The network of the best seed with its kept weights, in evaluation mode.

        Before any seed is done it has the initial weights.
        """
        network = self._network(self._new_model(reset=False))
        if self.outcomes:
            network.load_state_dict(self._kept)
        as_made(network)
        return network.eval()

    def snapshot(self) -> tuple[Task, nn.Module]:
        """The task of the seed in progress, and a copy of its network as it would be kept now."""
        assert self._run is not None
        model = copy.deepcopy(self._model)
        model.load_state_dict(self._run.kept_model.state_dict(), strict=False)
        network = self._network(model)
        as_made(network)
        return self._seed_task, network

    @property
    def is_resumed(self) -> bool:
        """Whether `events` resumes from a checkpoint."""
        return self._pending is not None or bool(self.outcomes)

    def history(self) -> list[dict[str, float]]:
        """The rows of all epochs so far, with their seed."""
        rows = [{"seed": o.seed} | row for o in self.outcomes for row in o.history]
        if self._run is not None:
            seed, before = self.seeds[len(self.outcomes)], self._at.before
            rows += [{"seed": seed} | row for row in self._at.history]
            for row in self._run.history:
                rows.append({"seed": seed} | row | {"epoch": row["epoch"] + before})
        return rows

    def place(self) -> str:
        """The current seed and epoch, as text."""
        if len(self.outcomes) == len(self.seeds):
            return "the end"
        epoch = self._resumed_epoch
        if self._run is not None:
            epoch = self._at.before + self._run.epoch
        return f"seed {self.seeds[len(self.outcomes)]}, epoch {epoch}"

    # --- saving and resuming ----------------------------------------------------------------

    def identity(self) -> dict[str, Any]:
        """The properties in which a checkpoint must agree with this training to be resumed."""
        if self._about is not None:
            about, split = dict(self._about), self.task.split.hash
        else:
            model = self.template if isinstance(self.template, nn.Module) else self.template()
            shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
            description = json.dumps([repr(model), shapes]).encode()
            about = {"recipe": self.stages[0].recipe.to_dict()}
            about["model"] = hashlib.sha256(description).hexdigest()
            split = self.task.split_rule
        more: dict[str, Any] = {"seeds": self.seeds, "data": self.task.data_hash, "split": split}
        more |= {"precision": self.precision, "compiled": self.compiled}
        return about | more | {"loss": self.loss_name, "metric": self.goal.metric}

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to resume the training."""
        run, at = self._run, self._at
        tensors, outcomes = pack_outcomes(self.outcomes)
        tensors |= pack("kept", self._kept)
        state = {
            "identity": self.identity(),
            "in_progress": run is not None,
            "outcomes": outcomes,
            "environment": environment(self.device, self.threads),
        }
        if run is not None:
            held = run.checkpoint()
            tensors, state = held.tensors | tensors, held.state | state
            if self._about is not None:
                tensors |= pack("start", self._start)
                state["transfer"] = vars(at)
        return Checkpoint(tensors, state)

    def restore(self, checkpoint: Checkpoint, file: Path) -> None:
        """Make `events` resume from a checkpoint.

        Args:
            checkpoint: the checkpoint.
            file: its file, for errors.

        Raises:
            ValueError: if it is damaged or of another run, with the difference.
        """
        with checkpoint_errors(file):
            saved = checkpoint.state["identity"]
            if not isinstance(saved, dict):
                raise ValueError("'identity' is missing")
            saved = _THEN | {"metric": objective(self.task).metric} | saved
        if self._requested_precision == "auto" and saved["precision"] in PRECISIONS:
            self.precision = saved["precision"]  # that of another device might differ
        for name, value in self.identity().items():
            then = with_current_names(saved.get(name))
            if name in ("recipe", "head", "fine") and isinstance(then, dict):
                then = Recipe().to_dict() | then  # without what it did not have yet
            if then != value:
                if isinstance(value, dict) and isinstance(then, dict):
                    keys = sorted({*value, *map(str, then)})
                    name = next(key for key in keys if value.get(key) != then.get(key, self))
                    value, then = value.get(name), then.get(name)
                condition = f"be {then} as in the run that is resumed"
                raise invalid(name, condition, value, "Do not change it, or start a new run.")
        with checkpoint_errors(file):
            self._load(checkpoint)
        self._file = file

    def _load(self, checkpoint: Checkpoint) -> None:
        """Load what `checkpoint` saved, checked; `events` loads the seed in progress."""
        state, kept = checkpoint.state, checkpoint.group("kept")
        check_outcomes(state["outcomes"], checkpoint.tensors)
        if state["in_progress"] is not ("epoch" in state):
            raise ValueError(f"'in_progress' is {state['in_progress']!r}"[:100])
        done = unpack_outcomes(checkpoint.tensors, state["outcomes"])
        if [outcome.seed for outcome in done] != self.seeds[: len(done)] or (
            len(done) + state["in_progress"] > len(self.seeds)
        ):
            raise ValueError("'outcomes' of other seeds")
        if done:
            own = self._network(self._new_model(reset=False)).state_dict()
            check_tensors(kept, own, prefix="kept/")
        self.outcomes, self._kept = done, kept
        self._pending = checkpoint if state["in_progress"] else None
        if self._pending is not None:
            self._resumed_epoch = state["epoch"] + state.get("transfer", {}).get("before", 0)
        self._saved_environment = state.get("environment")
