"""One trainer for every training: seeds and stages, one after the other, as events."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision import _torchrun as torchrun
from gnnvision.data import Split, SplitName, Task
from gnnvision.errors import invalid
from gnnvision.layers.memory import as_made
from gnnvision.models import network_name
from gnnvision.training.checkpoint import Checkpoint, pack
from gnnvision.training.checks import check_recipe, check_split
from gnnvision.training.data_parallel import DataParallel, check_shared
from gnnvision.training.events import Event, SeedDone, SeedStarted
from gnnvision.training.group_unit import GroupUnit, group_size
from gnnvision.training.kernels import kernels_for
from gnnvision.training.objective import Loss, Metric, objective
from gnnvision.training.precision import PRECISIONS, resolve_precision
from gnnvision.training.processes import Jobs, Processes, count_jobs
from gnnvision.training.recipe import Recipe, with_current_names
from gnnvision.training.record import pack_outcomes, unpack_outcomes
from gnnvision.training.result import Outcome, best_outcome
from gnnvision.training.shared_seeds import Parallel, SharedSeeds, describe_sharing
from gnnvision.training.sizes import measure
from gnnvision.training.stage import Stage
from gnnvision.training.stored import check_outcomes, check_tensors, checkpoint_errors
from gnnvision.training.threads import threads_of
from gnnvision.training.unit import Shared, Unit
from gnnvision.training.world import world

__all__ = ["Trainer"]

PARTS: tuple[SplitName, ...] = ("train", "val", "test")
# The properties that checkpoints of early versions do not have, with their values then.
_THEN = {"precision": "float32", "compiled": False, "loss": None}


def _itself(model: nn.Module) -> nn.Module:
    return model


def _words(processes: object) -> str:
    """The processes that share each batch, as text."""
    if processes is None:
        return "none: the run is not of torchrun"
    return f"{processes} process{'' if processes == 1 else 'es'} of torchrun"


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
        group: how many seeds are trained side by side, or "auto".
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
        network: Callable[[nn.Module], nn.Module] = _itself,
        group: int | Literal["auto"] = "auto",
    ) -> None:
        self.task = task.to(device)
        self.stages = list(stages)
        self.seeds = list(seeds)
        self.device = device
        self.compiled = compiled
        self.loss, self.metric = loss, metric
        self.goal = objective(task, self.stages[-1].recipe, loss, metric)
        self.concerns: list[str] = []  # about the splits of the seeds, each once
        self.threads = torch.get_num_threads()
        self.shared = Shared(
            model, self.task, self.stages, self.seeds, None if splits is None else list(splits),
            parts, reset, device, compiled, loss, metric, network,
        )  # fmt: skip
        self._about = identity
        self._group = group
        group_size(self.shared, group)
        self._requested_precision = precision
        self._outcomes: dict[int, Outcome] = {}  # by the index of the seed, as they were done
        self._kept: dict[str, Tensor] = {}  # the weights of the best seed so far
        self._file = Path()  # of the checkpoint that is resumed
        self._units: list[Unit | GroupUnit] = []  # that are not done
        self.jobs = 0  # the number of processes; 0 before `prepare` has chosen it
        self.parallel: Parallel | None = None  # what the processes of torchrun share
        self._processes: Processes | SharedSeeds | None = None
        for stage in self.stages:
            check_recipe(stage.recipe, task, self.shared.goal(task, stage.recipe))
            if splits is None:
                check_split(task, stage.recipe)
        fresh = self.shared.new_model(reset=False)
        self.shared.precision = resolve_precision(precision, fresh, device)
        self.shared.kernels = kernels_for(device, precision, fresh)

    @property
    def precision(self) -> str:
        """The precision of the training."""
        return self.shared.precision

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of the seeds that are done, in the order of the seeds."""
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    @property
    def loss_name(self) -> str | None:
        """The name of a loss that was given; None for that of the task."""
        return None if self.loss is None else str(getattr(self.loss, "__name__", self.loss))

    def describe_network(self) -> str:
        """The name of the network and its number of parameters, as text."""
        given, shared = self.shared.model, self.shared
        model = given if isinstance(given, nn.Module) else shared.new_model(reset=False)
        model = shared.network(model)
        if any(is_lazy(parameter) for parameter in model.parameters()):
            return network_name(model)
        count = sum(parameter.numel() for parameter in model.parameters())
        return f"{network_name(model)}, {count:,} parameters"

    @property
    def epochs(self) -> int:
        """The number of epochs of a seed, if none of its stages ends early."""
        return sum(stage.recipe.epochs for stage in self.stages)

    # --- training ---------------------------------------------------------------------------

    def prepare(self, jobs: Jobs = 1) -> None:
        """Measure the model, and choose the number of processes and threads.

        Args:
            jobs: the number of processes; "auto" is one for each core where that pays.

        Raises:
            ValueError: if the model or a recipe does not fit the task.
        """
        if self.parallel == "data":
            self._share_batches()
        measure(self.shared)
        values = max(stage.values or 0 for stage in self.stages)
        self.jobs = count_jobs(jobs, len(self.units()), values, self.device)
        if self.jobs > 1:
            self.threads = threads_of(values, self.jobs)

    def _share_batches(self) -> None:
        """Share each batch with the other processes that torchrun started."""
        for stage in self.stages:
            check_shared(stage.task or self.task, stage.recipe, world())
        if self._group not in ("auto", 1):
            advice = "Leave it out: the processes share each batch of one seed after the other."
            raise invalid("group", "be 1 for processes that share each batch", self._group, advice)
        self.shared.processes = DataParallel(world())

    def describe_groups(self) -> dict[str, str]:
        """How several seeds are trained, and by which processes of torchrun, for the overview."""
        shared = {}
        if (processes := self.shared.processes) is not None:
            model, size = self.shared.new_model(reset=False), self.stages[-1].recipe.batch_size
            shared = {"processes": processes.describe(model, size)}
        elif self.parallel == "seeds" and torchrun.size() > 1:
            shared = {"processes": describe_sharing(self.task)}
        if len(self.seeds) == 1:
            return shared
        size, reason = group_size(self.shared, self._group)
        words = f"{size} side by side" if size > 1 else "one after the other"
        if self.jobs > 1:
            threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
            words += f", in {self.jobs} processes with {threads} each"
        words = f"{len(self.seeds)}, {words}" + (f": {reason}" if reason else "")
        return {"seeds": words} | shared

    def events(
        self, *, watched: bool = True, snapshots: bool = False
    ) -> Generator[Event, None, None]:
        """Train all seeds that are not done yet, in the processes that `prepare` chose.

        In a single process, while an event is looked at, the random generators and the number of
        threads are those of the training.

        Args:
            watched: whether each step and initialized model is looked at.
            snapshots: whether `snapshot` is going to be called after each epoch.

        Yields:
            `SeedStarted`, then `StepDone` and `EpochDone` in turn, then `SeedDone`, of each seed.

        Raises:
            ValueError: if the model or a recipe does not fit the task, or the loss diverged.
            ChildProcessError: if another process was killed.
        """
        if not self.jobs:
            self.prepare()
        units = self._units = self.units()
        more = {"watched": watched, "snapshots": snapshots}
        if self.parallel == "seeds" and torchrun.size() > 1:
            self._processes = SharedSeeds(
                self.shared, units, self._note, self._results, self._adopt, **more
            )
            yield from self._processes.events()
            self._processes = None
        elif self.jobs == 1:
            for unit in units:
                for event in unit.events():
                    self.threads = unit.threads
                    self._note(event)
                    yield event
        else:
            processes = Processes(self.shared, units, self.jobs, self._note, **more)
            self._processes = processes
            try:
                yield from processes.events()
            finally:
                processes.close()
                self._processes = None
        for reason in dict.fromkeys(unit.reason for unit in units if isinstance(unit, GroupUnit)):
            if reason:
                self.concerns.append(f"The seeds were trained one after the other: {reason}.")

    def units(self) -> list[Unit | GroupUnit]:
        """The units of all seeds that are not done, those to resume first.

        Groups are slices of the list of seeds, in any order of work.
        """
        size, _ = group_size(self.shared, self._group)
        saved = {number: unit for unit in self._units for number in unit.numbers}
        units: list[Unit | GroupUnit] = []
        for first in range(0, len(self.seeds), size):
            numbers = [*range(first, min(first + size, len(self.seeds)))]
            left = [number for number in numbers if number not in self._outcomes]
            if len(left) > 1:
                unit = GroupUnit(self.shared, left, is_requested=self._group != "auto")
                held: dict[int, Checkpoint] = {}  # of those that have begun
                for number in left:
                    if number in saved and number not in held:
                        held |= saved[number].checkpoints()
                unit.restore({n: c for n, c in held.items() if n in left}, self._file)
                units.append(unit)
            elif left:
                units.append(saved.get(left[0]) or Unit(self.shared, left[0]))
        return sorted(units, key=lambda unit: not unit.begun)

    def _results(self) -> tuple[dict[int, Outcome], dict[str, Tensor], list[str]]:
        """What the seeds gave that are done."""
        return self._outcomes, self._kept, self.concerns

    def _adopt(self, results: tuple[dict[int, Outcome], dict[str, Tensor], list[str]]) -> None:
        """Take what all seeds gave from another process."""
        self._outcomes, self._kept, self.concerns = results
        self._units = []

    def _note(self, event: Event) -> None:
        """Warn of the problems of a split once, and keep what a seed gave."""
        if isinstance(event, SeedStarted) and self.shared.splits is None:
            for concern in event.task.data_warnings():
                if concern not in self.concerns:
                    self.concerns.append(concern)
                    words = f"Seed {event.seed}: {concern}"
                    warnings.warn(words, UserWarning, stacklevel=5)
        elif isinstance(event, SeedDone):
            self._outcomes[event.number] = event.outcome
            if self.best_outcome() is event.outcome:
                self._kept = event.weights
            done = self._outcomes.keys()
            self._units = [unit for unit in self._units if not done >= {*unit.numbers}]

    # --- results ----------------------------------------------------------------------------

    def best_outcome(self) -> Outcome:
        """The outcome of the best seed."""
        return best_outcome(self.outcomes, self.goal.metric, self.goal.higher_is_better)

    def network(self) -> nn.Module:
        """The network of the best seed with its kept weights, in evaluation mode.

        Before any seed is done it has the initial weights.
        """
        network = self.shared.network(self.shared.new_model(reset=False))
        if self._outcomes:
            network.load_state_dict(self._kept)
        as_made(network)
        return network.eval()

    def snapshot(self, number: int) -> tuple[Task, nn.Module]:
        """The task of a seed in progress, and a copy of its network as it would be kept now."""
        if self._processes is not None:
            return self._processes.snapshot(number)
        return next(unit for unit in self._units if number in unit.numbers).snapshot(number)

    @property
    def _in_progress(self) -> list[Unit | GroupUnit]:
        return [unit for unit in self._units if unit.begun]

    @property
    def is_resumed(self) -> bool:
        """Whether `events` resumes from a checkpoint."""
        return bool(self._units or self._outcomes)

    @property
    def is_done(self) -> bool:
        """Whether all seeds are done."""
        return len(self._outcomes) == len(self.seeds)

    def history(self) -> list[dict[str, float]]:
        """The rows of all epochs so far, with their seed."""
        rows = [{"seed": o.seed} | row for o in self.outcomes for row in o.history]
        return rows + [row for unit in self._in_progress for row in unit.history()]

    def place(self) -> str:
        """The seeds in progress and their epochs, as text."""
        if self.is_done:
            return "the end"
        return "; ".join(unit.place() for unit in self._in_progress or self.units()[:1])

    # --- saving and resuming ----------------------------------------------------------------

    def identity(self) -> dict[str, Any]:
        """The properties in which a checkpoint must agree with this training to be resumed."""
        if self._about is not None:
            about, split = dict(self._about), self.task.split.hash
        else:
            model = self.shared.model
            model = model if isinstance(model, nn.Module) else model()
            shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
            description = json.dumps([repr(model), shapes]).encode()
            about = {"recipe": self.stages[0].recipe.to_dict()}
            about["model"] = hashlib.sha256(description).hexdigest()
            split = self.task.split_rule
        more: dict[str, Any] = {"seeds": self.seeds, "data": self.task.data_hash, "split": split}
        more |= {"precision": self.precision, "compiled": self.compiled}
        if self.parallel == "data":
            more["processes"] = world().size
        return about | more | {"loss": self.loss_name, "metric": self.goal.metric}

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to resume the training."""
        if self._processes is not None:
            self._processes.refresh()
        tensors, outcomes = pack_outcomes(self.outcomes)
        tensors |= pack("kept", self._kept)
        state: dict[str, Any] = {"identity": self.identity(), "done": sorted(self._outcomes)}
        state |= {"outcomes": outcomes, "running": []}
        for unit in self._in_progress:
            for number, held in unit.checkpoints().items():
                if number in self._outcomes:
                    continue
                tensors |= pack(f"running/{len(state['running'])}", held.tensors)
                state["running"].append(held.state)
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
            self.shared.precision = saved["precision"]  # that of another device might differ
        now = self.identity()
        if saved.get("processes") != now.get("processes"):
            before, here = (_words(about.get("processes")) for about in (saved, now))
            condition = f"be shared by {before} as in the run that is resumed"
            raise invalid("batches", condition, here, "Start as many with torchrun.")
        for name, value in now.items():
            then = with_current_names(saved.get(name))
            if name in ("recipe", "head", "fine") and isinstance(then, dict):
                then = Recipe().to_dict() | then  # without what it did not have yet
            if then != value:
                if isinstance(value, dict) and isinstance(then, dict):
                    keys = sorted({*value, *map(str, then)})
                    # What is missing here is something else than what is null there.
                    name = next(k for k in keys if value.get(k, "") != then.get(k, self))
                    value, then = value.get(name), then.get(name)
                condition = f"be {then} as in the run that is resumed"
                raise invalid(name, condition, value, "Do not change it, or start a new run.")
        with checkpoint_errors(file):
            self._load(checkpoint, file)

    def restore_all(self, checkpoints: Mapping[Path, Checkpoint]) -> None:
        """Make `events` resume from the checkpoints of several processes, by their files.

        Raises:
            ValueError: if one is damaged or of another run.
        """
        outcomes: dict[int, Outcome] = {}
        kept: dict[str, Tensor] = {}
        units: dict[int, Unit] = {}
        for file, checkpoint in checkpoints.items():
            self._outcomes, self._kept, self._units = {}, {}, []
            self.restore(checkpoint, file)
            for unit in self._units:
                assert isinstance(unit, Unit)
                (number,) = unit.numbers
                if number not in units or unit.steps > units[number].steps:
                    units[number] = unit
            best = self.best_outcome() if self._outcomes else None
            outcomes = self._outcomes | outcomes
            if best is not None:
                mine, self._outcomes = self._kept, outcomes
                kept = mine if self.best_outcome() is best else kept
        self._outcomes, self._kept = outcomes, kept
        self._units = [unit for number, unit in units.items() if number not in outcomes]

    def _load(self, checkpoint: Checkpoint, file: Path) -> None:
        """Load what `checkpoint` saved, checked; the units check theirs when they begin."""
        tensors, state, kept = checkpoint.tensors, checkpoint.state, checkpoint.group("kept")
        check_outcomes(state["outcomes"], tensors)
        outcomes = unpack_outcomes(tensors, state["outcomes"])
        if "running" in state:
            done = state["done"]
            running = [
                Checkpoint(checkpoint.group(f"running/{place}"), held)
                for place, held in enumerate(state["running"])
            ]
        else:  # of early versions, with one seed in progress
            if state["in_progress"] is not ("epoch" in state):
                raise ValueError(f"'in_progress' is {state['in_progress']!r}"[:100])
            done = list(range(len(outcomes)))
            running = [Checkpoint(tensors, state | {"number": len(done)})]
            running = running if state["in_progress"] else []
        numbers = [*done, *(held.state["number"] for held in running)]
        if len({*numbers} & {*range(len(self.seeds))}) < len(numbers) or (
            [outcome.seed for outcome in outcomes] != [self.seeds[number] for number in done]
        ):
            raise ValueError("'outcomes' of other seeds")
        if outcomes:
            own = self.shared.network(self.shared.new_model(reset=False)).state_dict()
            check_tensors(kept, own, prefix="kept/")
        self._outcomes, self._kept = dict(zip(done, outcomes, strict=True)), kept
        self._file = file
        for held in running:
            unit = Unit(self.shared, held.state["number"])
            unit.restore({held.state["number"]: held}, file)
            self._units.append(unit)
