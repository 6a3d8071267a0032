"""A run over several seeds: its progress, its checkpoints and its outcomes."""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data import SplitName, Task
from gnnvision.errors import invalid
from gnnvision.layers.calling import check_takes
from gnnvision.layers.memory import as_made, quick_filters, quick_linears
from gnnvision.training.checkpoint import Checkpoint, pack
from gnnvision.training.checks import check_recipe, check_split
from gnnvision.training.environment import differences, environment
from gnnvision.training.failures import causes_named
from gnnvision.training.measures import format_score, metric_name
from gnnvision.training.objective import objective
from gnnvision.training.precision import PRECISIONS, resolve_precision
from gnnvision.training.progress import Reporter, StopRequest
from gnnvision.training.recipe import Recipe, with_current_names
from gnnvision.training.record import pack_outcomes, unpack_outcomes
from gnnvision.training.result import Outcome, best_outcome
from gnnvision.training.seed_run import SeedRun, initialize
from gnnvision.training.seeds import fresh_model, seeded
from gnnvision.training.stored import check_outcomes, check_tensors, checkpoint_errors
from gnnvision.training.threads import largest_signal, threads_for

__all__ = ["Session"]

SAVE_EVERY_S = 30.0
# A larger training split is not evaluated again: it has the metrics of the kept epoch itself.
MOST_EVALUATED_AGAIN = 10_000


class Session:
    """A run over several seeds that can be saved after any step and resumed from there.

    The arguments are those of `fit`.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[], nn.Module],
        task: Task,
        recipe: Recipe,
        seeds: Sequence[int],
        reset: bool,
        device: str,
        precision: str,
        compiled: bool,
    ) -> None:
        self.template = model
        self.task = task.to(device)
        self.recipe = recipe
        self.seeds = list(seeds)
        self.reset = reset
        self.device = device
        self.compiled = compiled
        self.goal = objective(task, recipe)
        self.outcomes: list[Outcome] = []
        self.concerns: list[str] = []  # about the splits of the seeds, each once
        self._kept: dict[str, Tensor] = {}  # the weights of the best seed so far
        self._seed_run: SeedRun | None = None  # of the seed in progress
        self._pending: Checkpoint | None = None  # to resume the seed in progress from
        self._file = Path()  # of that checkpoint
        self._saved_environment: object = None
        self._requested_precision = precision
        self.threads = torch.get_num_threads()
        self._saved_place = ""  # the seed and epoch of the last checkpoint written
        self._saved_at = time.monotonic()
        check_recipe(recipe, task, self.goal)
        check_split(task, recipe)
        self.precision = resolve_precision(precision, self._new_model(reset=False), device)

    # --- running ----------------------------------------------------------------------------

    def run(
        self,
        stop: StopRequest,
        reporter: Reporter,
        save: Callable[[Checkpoint], bool],
        keep: Callable[[SeedRun, Outcome], None],
    ) -> bool:
        """Train all seeds that are not done yet.

        Args:
            stop: whether the user asked to stop.
            reporter: shows the progress.
            save: called with a checkpoint now and then.
            keep: called with each seed when it is done.

        Returns:
            False if the run was stopped before its end.
        """
        with threads_for(self._largest_signal()):
            self.threads = torch.get_num_threads()
            here = environment(self.device, self.threads)
            if other := differences(self._saved_environment, here):
                warnings.warn(
                    f"The run is resumed with {other}: the result may differ in the last bits "
                    "from that of a run that was not stopped.",
                    stacklevel=3,
                )
            return self._run_seeds(stop, reporter, save, keep)

    def _run_seeds(
        self,
        stop: StopRequest,
        reporter: Reporter,
        save: Callable[[Checkpoint], bool],
        keep: Callable[[SeedRun, Outcome], None],
    ) -> bool:
        metric = self.goal.metric
        for number in range(len(self.outcomes), len(self.seeds)):
            seed = self.seeds[number]
            with seeded(seed):
                run = self._seed_run = self._begin(seed)
                if not self._train(run, number, stop, reporter, save):
                    return False
                outcome = self._evaluate(run, seed)
            keep(run, outcome)
            self.outcomes.append(outcome)
            if self._best_outcome() is outcome:
                self._kept = run.best
            self._seed_run = None
            scores = outcome.metrics
            name = metric_name(metric)
            note = f"test {name} {format_score(metric, scores['test'].get(metric, math.nan))}"
            if scores["val"]:
                value = format_score(metric, scores["val"][metric])
                note = f"validation {name} {value} at epoch {outcome.best_epoch}, {note}"
            reporter.seed(number, seed, note)
            if number + 1 < len(self.seeds):
                self._save_when_due(save)
        return True

    def _new_model(self, reset: bool) -> nn.Module:
        """A model on the device, with its weights laid out for fast training."""
        model = fresh_model(self.template, reset).to(self.device)
        quick_linears(model)
        quick_filters(model)
        return model

    def _largest_signal(self) -> int:
        model = self._new_model(reset=False)
        x, domain, _ = next(iter(self.task.batches("train", self.recipe.batch_size)))
        check_takes(model, domain)
        with seeded(0), causes_named(self.task, self.recipe, 1, len(x), at_once=True):
            return largest_signal(model, x, domain)

    def _begin(self, seed: int) -> SeedRun:
        started = time.perf_counter()
        task = self.task.with_seed(seed)
        if task is not self.task:
            check_split(task, self.recipe)
        for concern in task.data_warnings():
            if concern not in self.concerns:
                self.concerns.append(concern)
                warnings.warn(f"Seed {seed}: {concern}", UserWarning, stacklevel=5)
        model = self._new_model(self.reset)
        if self.reset:
            initialize(model, task)
        run = SeedRun(model, task, self.recipe, seed, self.precision, self.compiled)
        run.seconds = time.perf_counter() - started
        if self._pending is not None:
            with checkpoint_errors(self._file):
                run.restore(self._pending)
            self._pending = None
        return run

    def _train(
        self,
        run: SeedRun,
        number: int,
        stop: StopRequest,
        reporter: Reporter,
        save: Callable[[Checkpoint], bool],
    ) -> bool:
        """Train one seed to its end; False if it was stopped before."""
        size = len(run.task.split.train)

        def after_step(seen: int) -> bool:
            reporter.step(number, self.seeds[number], run.epoch, seen, size)
            self._save_when_due(save)
            return not stop.requested

        while not run.finished:
            started = time.perf_counter()
            row = None if stop.requested else run.train_epoch(after_step)
            if row is not None:
                row |= run.validate()
                run.consider(row)
            run.seconds += time.perf_counter() - started
            if row is None:
                self._save(save)
                return False
            reporter.epoch(number, self.seeds[number], row)
            self._save_when_due(save)
        return True

    def _evaluate(self, run: SeedRun, seed: int) -> Outcome:
        """Evaluate the kept model: the only time that the test split is read."""
        started = time.perf_counter()
        run.kept_model.load_state_dict(run.best)
        parts: tuple[SplitName, ...] = ("train", "val", "test")
        metrics, remarks, target, output = run.evaluate_splits(parts, MOST_EVALUATED_AGAIN)
        return Outcome(
            seed=seed,
            epochs=run.epoch,
            best_epoch=run.best_epoch,
            metrics=metrics,
            seconds=run.seconds + time.perf_counter() - started,
            history=run.history,
            split_hash=run.task.split.hash,
            target=self.goal.values(target),
            prediction=self.goal.predict(output),
            waited=run.waited,
            remarks=remarks,
        )

    # --- results ----------------------------------------------------------------------------

    def _best_outcome(self) -> Outcome:
        return best_outcome(self.outcomes, self.goal.metric, self.goal.higher_is_better)

    def best_model(self) -> nn.Module:
        """The model of the best seed with its kept weights, in evaluation mode."""
        model = self._new_model(reset=False)
        model.load_state_dict(self._kept)
        as_made(model)
        return model.eval()

    def best_task(self) -> Task:
        """The task with the split of the best seed."""
        return self.task.with_seed(self._best_outcome().seed)

    def place(self) -> str:
        """The current seed and epoch, as text."""
        epoch = 0 if self._seed_run is None else self._seed_run.epoch
        if len(self.outcomes) == len(self.seeds):
            return "the end"
        return f"seed {self.seeds[len(self.outcomes)]}, epoch {epoch}"

    def stopped(self, at_once: bool = False) -> str:
        """Two sentences for the user: where the run was stopped, and what is saved.

        Args:
            at_once: whether it was stopped without saving.
        """
        place = self.place()
        words = f"Stopped{' immediately' if at_once else ''} at {place}."
        if not self._saved_place:
            return f"{words} Nothing {'was' if at_once else 'could be'} saved."
        if self._saved_place == place and not at_once:
            return f"{words} Everything is saved."
        return f"{words} The last checkpoint is of {self._saved_place}."

    # --- saving and resuming ----------------------------------------------------------------

    def _save_when_due(self, save: Callable[[Checkpoint], bool]) -> None:
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._save(save)
            self._saved_at = time.monotonic()

    def _save(self, save: Callable[[Checkpoint], bool]) -> None:
        if save(self.checkpoint()):
            self._saved_place = self.place()

    def identity(self) -> dict[str, Any]:
        """The properties in which a checkpoint must agree with this run to be resumed."""
        model = self.template if isinstance(self.template, nn.Module) else self.template()
        shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
        description = json.dumps([repr(model), shapes])
        return {
            "recipe": self.recipe.to_dict(),
            "seeds": self.seeds,
            "data": self.task.data_hash,
            "split": self.task.split_rule,
            "model": hashlib.sha256(description.encode()).hexdigest(),
            "precision": self.precision,
            "compiled": self.compiled,
        }

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to resume the run."""
        run = self._seed_run
        held = Checkpoint({}, {}) if run is None else run.checkpoint()
        outcome_tensors, outcomes = pack_outcomes(self.outcomes)
        tensors = held.tensors | pack("kept", self._kept) | outcome_tensors
        state = {
            "identity": self.identity(),
            "in_progress": run is not None,
            "outcomes": outcomes,
            "environment": environment(self.device, self.threads),
        }
        return Checkpoint(tensors, held.state | state)

    def restore(self, checkpoint: Checkpoint, file: Path) -> None:
        """Make the next `run` resume from a checkpoint.

        Args:
            checkpoint: the checkpoint.
            file: its file, for errors.

        Raises:
            ValueError: if it is damaged or of another run, with the difference.
        """
        with checkpoint_errors(file):
            state = checkpoint.state
            saved = state["identity"]
            if not isinstance(saved, dict):
                raise ValueError("'identity' is missing")
        if self._requested_precision == "auto" and saved.get("precision") in PRECISIONS:
            self.precision = saved["precision"]  # that of another device might differ
        for name, value in self.identity().items():
            then = with_current_names(saved.get(name))
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
        """Load what `checkpoint` saved, checked; `_begin` loads the seed in progress."""
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
            check_tensors(kept, self._new_model(reset=False).state_dict(), prefix="kept/")
        self.outcomes, self._kept = done, kept
        self._pending = checkpoint if state["in_progress"] else None
        self._saved_environment = state.get("environment")
        if len(done) < len(self.seeds):
            epoch = state["epoch"] if self._pending else 0
            self._saved_place = f"seed {self.seeds[len(done)]}, epoch {epoch}"
