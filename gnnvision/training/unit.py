"""The training of one seed: its stages one after the other, as events."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

import torch
from torch import Tensor, nn

from gnnvision.data import NodeTask, Split, SplitName, Task
from gnnvision.layers.memory import as_made, quick_filters, quick_linears
from gnnvision.models.arguments import fits
from gnnvision.training.checkpoint import Checkpoint, pack
from gnnvision.training.checks import check_split
from gnnvision.training.data_parallel import DataParallel
from gnnvision.training.environment import differences, environment
from gnnvision.training.events import (
    EpochDone,
    Event,
    Measured,
    SeedDone,
    SeedStarted,
    StepDone,
)
from gnnvision.training.kernels import Kernels
from gnnvision.training.objective import Loss, Metric, Objective, objective
from gnnvision.training.recipe import Recipe
from gnnvision.training.result import Outcome
from gnnvision.training.seed_run import Evaluation, SeedRun, initialize
from gnnvision.training.seeds import fresh_model, seeded
from gnnvision.training.stage import Stage
from gnnvision.training.stored import checkpoint_errors
from gnnvision.training.threads import threads_for

__all__ = ["Shared", "Unit"]

# A larger training split is not evaluated again: it has the metrics of the kept epoch itself.
MOST_EVALUATED_AGAIN = 10_000


@dataclass
class Shared:
    """What all seeds of a training share; see `Trainer` for the arguments."""

    model: nn.Module | Callable[[], nn.Module]
    task: Task  # on the device
    stages: list[Stage]
    seeds: list[int]
    splits: list[Split] | None
    parts: Sequence[SplitName]
    reset: bool
    device: str
    compiled: bool
    loss: Loss | None
    metric: str | Metric | None
    network: Callable[[nn.Module], nn.Module]
    precision: str = "float32"
    _seen: dict[int, tuple[Task, Task]] = field(default_factory=dict)  # by hops: the last ones
    kernels: Kernels = field(default_factory=Kernels)
    processes: DataParallel | None = None  # that share each batch

    def new_model(self, reset: bool) -> nn.Module:
        """A model on the device, with its weights laid out for fast training."""
        model = fresh_model(self.model, reset).to(self.device)
        quick_linears(model)
        quick_filters(model)
        return model

    def task_of(self, number: int) -> Task:
        """The task with the split of a seed."""
        if self.splits is not None:
            split = self.splits[number]
            return self.task if split is self.task.split else replace(self.task, split=split)
        task = self.task.with_seed(self.seeds[number])
        if task is not self.task:
            for stage in self.stages:
                check_split(task, stage.recipe)
        return task

    def seen(self, task: Task, stage: Stage) -> Task:
        """The task whose batches have only the nodes that the outputs depend on."""
        if not isinstance(task, NodeTask):
            return task
        if (recipe := stage.recipe).is_sampled:
            return replace(task, hops=None, fanouts=recipe.fanouts, clusters=recipe.clusters)
        if stage.hops is None:
            return task
        if self._seen.get(stage.hops, (None,))[0] is not task:  # seeds with one split share it
            self._seen[stage.hops] = (task, replace(task, hops=stage.hops))
        return self._seen[stage.hops][1]

    def goal(self, task: Task, recipe: Recipe) -> Objective:
        """The objective of a stage."""
        return objective(task, recipe, self.loss, self.metric)


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

    @classmethod
    def stored(cls, state: Mapping[str, Any], stages: int) -> _Progress:
        """What a checkpoint has, checked."""
        hints, held = get_type_hints(cls), state.get("transfer", {})
        for name, value in held.items():
            if not fits(value, hints[name]):
                raise ValueError(f"{name!r} is {value!r}"[:100])
        at = cls(**held)
        if not 0 <= at.stage < stages or at.before < 0:
            raise ValueError(f"'stage' is {at.stage}, after {at.before} epochs")
        return at

    def after(self, row: dict[str, float]) -> dict[str, float]:
        """A row of the stage, counted from the start of the seed."""
        counted = {"epoch": row["epoch"] + self.before}
        return row | counted | ({"step": row["step"] + self.step} if "step" in row else {})


class Unit:
    """The training of one seed, which can be saved at each event and resumed from there.

    Args:
        shared: what all seeds share.
        number: the index of the seed.
    """

    def __init__(self, shared: Shared, number: int) -> None:
        self.shared, self.numbers = shared, [number]
        self.seed = shared.seeds[number]
        self.threads = torch.get_num_threads()  # of the last stage
        self._task, self._model = shared.task, nn.Module()
        self._at = _Progress()
        self._run: SeedRun | None = None  # of the stage in progress
        self._start: dict[str, Tensor] = {}  # the weights outside of the trained module
        self._saved: Checkpoint | None = None  # to resume from
        self._file = Path()  # of that checkpoint
        self._clock = time.perf_counter()  # when what is not counted yet began
        self._waited = 0.0
        self._measures: Evaluation  # of the kept weights, at the end

    @property
    def begun(self) -> bool:
        """Whether a seed is in progress, which can be saved."""
        return self._run is not None or self._saved is not None

    def events(self) -> Iterator[Event]:
        """Train the seed, stage by stage, and evaluate it.

        Yields:
            `SeedStarted`, then `StepDone` and `EpochDone` in turn, then `SeedDone`.
        """
        try:
            with self.shared.kernels.used(), seeded(self.seed):
                self.begin()
                started = False
                for stage in self.shared.stages[self._at.stage :]:
                    with self.on_threads(stage):
                        run = self.begin_stage(stage)
                        if not started:
                            started = True
                            yield self.started()
                        yield from self.epochs(run)
                        self.end_stage(stage, run)
                yield self.done(run)
        except Exception as error:
            if len(self.shared.seeds) > 1:
                error.add_note(f"In the training of seed {self.seed}.")
            raise

    @contextmanager
    def on_threads(self, stage: Stage) -> Iterator[None]:
        """A context with the number of threads of a stage."""
        assert stage.values is not None
        with threads_for(stage.values):
            self.threads = torch.get_num_threads()
            yield

    def begin(self) -> None:
        """Make the model, and read the progress of a seed that is resumed."""
        self._clock = time.perf_counter()
        shared, (number,) = self.shared, self.numbers
        self._task = shared.task_of(number)
        self._model = shared.new_model(shared.reset)
        if shared.reset:
            initialize(self._model, self._task)
        self._at, _ = self._so_far()
        if self._saved is not None:
            self._model.load_state_dict(self._saved.group("start"), strict=False)

    def begin_stage(self, stage: Stage) -> SeedRun:
        """The training of a stage, up to where it was saved if it is resumed."""
        shared, at, model, task = self.shared, self._at, self._model, self._task
        if len(at.begun) == at.stage:  # and not resumed
            at.begun.append((at.before + 1, stage.label))
        trained, recipe = stage.begin(model), stage.recipe
        self._start = stage.changed(model)
        own = task if stage.task is None else stage.task.to(shared.device)
        if own is not task:
            own = replace(own, split=task.split)
        own = shared.seen(own, stage)
        goal = shared.goal(own, recipe)
        run = SeedRun(
            trained, own, recipe, self.seed, shared.precision, shared.compiled, goal,
            shared.processes,
        )  # fmt: skip
        self._run = run
        pending, self._saved = self._saved, None
        if pending is not None:
            self._warn_of_differences(pending)
            with checkpoint_errors(self._file):
                run.restore(pending)
        else:
            run.seconds = time.perf_counter() - self._clock
        return run

    def started(self) -> SeedStarted:
        """The event that the seed has begun."""
        assert self._run is not None
        (number,), at = self.numbers, self._at
        epoch = at.before + self._run.epoch
        return SeedStarted(number, self.seed, epoch, self._model, self._task)

    def epochs(self, run: SeedRun) -> Iterator[Event]:
        """Train the epochs that are left of a stage."""
        while not run.finished:
            started = time.perf_counter()
            measured = len(run.steps)
            for seen in run.train_epoch():
                run.seconds += time.perf_counter() - started
                yield from self.stepped(run, measured, seen)
                measured = len(run.steps)
                started = time.perf_counter()
            row = run.finish_epoch()
            run.seconds += time.perf_counter() - started
            yield self.epoch_done(run, row)

    def stepped(self, run: SeedRun, measured: int, seen: int) -> Iterator[Event]:
        """The events of a step, before which the run had this number of rows between epochs."""
        (number,), at = self.numbers, self._at
        if len(run.steps) > measured:
            yield Measured(number, self.seed, at.after(run.steps[-1]))
        yield StepDone(number, self.seed, at.before + run.epoch, seen, len(run.task.split.train))

    def epoch_done(self, run: SeedRun, row: dict[str, float]) -> EpochDone:
        """The event that an epoch is done."""
        (number,), at = self.numbers, self._at
        last = run.finished and at.stage == len(self.shared.stages) - 1
        return EpochDone(number, self.seed, at.after(row), last)

    def end_stage(self, stage: Stage, run: SeedRun) -> None:
        """Load the weights of the kept epoch; after the last stage, evaluate them."""
        self._clock = time.perf_counter()
        at = self._at
        run.kept_model.load_state_dict(run.best)
        stage.end(self._model, run)
        at.history += map(at.after, run.history)
        at.steps += map(at.after, run.steps)
        at.kept, at.before = at.before + run.best_epoch, at.before + run.epoch
        at.step += run.step
        self._waited += run.waited
        at.seconds += run.seconds
        at.stage += 1
        if at.stage == len(self.shared.stages):
            # The only time that the test split is read, but for `evaluate_every`.
            self._measures = run.evaluate_splits(self.shared.parts, MOST_EVALUATED_AGAIN)

    def done(self, run: SeedRun) -> SeedDone:
        """The event that the seed is done, with its outcome.

        Args:
            run: the training of its last stage.
        """
        (number,), at, task = self.numbers, self._at, self._task
        network = self.shared.network(self._model)
        metrics, remarks, target, output = self._measures
        outcome = Outcome(
            seed=self.seed,
            epochs=at.before,
            best_epoch=at.kept,
            metrics=metrics,
            seconds=at.seconds + time.perf_counter() - self._clock,
            history=at.history,
            split_hash=task.split.hash,
            target=run.goal.values(target),
            prediction=run.goal.predict(output),
            waited=self._waited,
            remarks=remarks,
            stages=[begun for begun in at.begun if begun[1]],
            steps=at.steps,
        )
        weights = run.best
        if network is not run.model:
            weights = {name: w.detach().clone() for name, w in network.state_dict().items()}
        return SeedDone(number, self.seed, outcome, task, network, weights)

    def _warn_of_differences(self, pending: Checkpoint) -> None:
        here = environment(self.shared.device, self.threads)
        if other := differences(pending.state.get("environment"), here):
            warnings.warn(
                f"The run is resumed with {other}: the result may differ in the last bits "
                "from that of a run that was not stopped.",
                stacklevel=6,
            )

    def snapshot(self, number: int) -> tuple[Task, nn.Module]:
        """The task of a seed in progress, and a copy of its network as it would be kept now."""
        assert self._run is not None
        assert [number] == self.numbers
        model = copy.deepcopy(self._model)
        model.load_state_dict(self._run.kept_model.state_dict(), strict=False)
        network = self.shared.network(model)
        as_made(network)
        return self._task, network

    # --- saving and resuming ----------------------------------------------------------------

    def checkpoints(self) -> dict[int, Checkpoint]:
        """Everything that is needed to resume each seed in progress, by its index."""
        (number,) = self.numbers
        if self._run is None:
            return {} if self._saved is None else {number: self._saved}
        held = self._run.checkpoint()
        state = {"number": number, "transfer": vars(self._at)}
        state["environment"] = environment(self.shared.device, self.threads)
        tensors = held.tensors | pack("start", self._start)
        return {number: Checkpoint(tensors, held.state | state)}

    def restore(self, checkpoints: Mapping[int, Checkpoint], file: Path) -> None:
        """Make `events` resume from what `checkpoints` returned; it is checked there.

        Args:
            checkpoints: by the index of the seed.
            file: their file, for errors.
        """
        (number,) = self.numbers
        self._saved, self._file = checkpoints.get(number), file

    @property
    def steps(self) -> int:
        """How many training steps of the seed are saved in what it is resumed from."""
        if self._saved is None:
            return 0
        with checkpoint_errors(self._file):
            state = self._saved.state
            return _Progress.stored(state, len(self.shared.stages)).step + int(state["step"])

    def history(self) -> list[dict[str, float]]:
        """The rows of all epochs so far, with their seed."""
        before, rows = self._so_far()
        return [{"seed": self.seed} | row for row in (*before.history, *map(before.after, rows))]

    def place(self) -> str:
        """The seed and its epoch, as text."""
        before, rows = self._so_far()
        return f"seed {self.seed}, epoch {before.before + len(rows)}"

    def _so_far(self) -> tuple[_Progress, list[dict[str, float]]]:
        """The progress before the current stage, and the rows of that stage."""
        if self._run is not None:
            return self._at, self._run.history
        if self._saved is None:
            return _Progress(), []
        with checkpoint_errors(self._file):
            state = self._saved.state
            return _Progress.stored(state, len(self.shared.stages)), list(state["history"])
