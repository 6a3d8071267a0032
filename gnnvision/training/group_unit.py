"""The training of several seeds side by side, as the events of all of them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from gnnvision.data import ImageTask, NodeTask, Task
from gnnvision.errors import invalid
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.events import Event
from gnnvision.training.repeated import is_repeatable
from gnnvision.training.seed_run import SeedRun
from gnnvision.training.seeds import RandomNumbers, rng_state, seeded, set_rng_state
from gnnvision.training.side_by_side import Alone, SideBySide
from gnnvision.training.threads import MANY_VALUES
from gnnvision.training.unit import Shared, Unit

__all__ = ["GroupUnit", "group_size"]

# By measurement: with more seeds side by side their weights leave the cache of the processor.
LEAST, MOST, MOST_GPU = 5, 10, 16
GROUPS = 8  # of more than the least size, so that several processes have groups to train


class _Member(Unit):
    """One seed of a group, with its random numbers."""

    def __init__(self, shared: Shared, number: int) -> None:
        super().__init__(shared, number)
        self.random: RandomNumbers | None = None
        self.is_done = False

    @property
    def run(self) -> SeedRun:
        """The training of its only stage."""
        assert self._run is not None
        return self._run

    @property
    def draws(self) -> RandomNumbers:
        """Its random numbers, in place of the global ones."""
        assert self.random is not None
        return self.random


class GroupUnit:
    """The training of several seeds side by side; see `Unit` for one.

    Where that is not possible, or would not equal what a seed gives alone, the seeds are trained
    one after the other.

    Args:
        shared: what all seeds share.
        numbers: the indices of the seeds.
        is_requested: whether the user asked for groups, and is told why there are none.
    """

    def __init__(self, shared: Shared, numbers: Sequence[int], is_requested: bool = True) -> None:
        self.shared, self.numbers = shared, list(numbers)
        self.members = {number: _Member(shared, number) for number in numbers}
        self.threads = torch.get_num_threads()
        self.reason = ""  # why the seeds are trained alone
        self._is_requested = is_requested
        self._group: SideBySide | None = None

    @property
    def begun(self) -> bool:
        """Whether a seed is in progress, which can be saved."""
        return any(member.begun for member in self._left)

    @property
    def _left(self) -> list[_Member]:
        return [member for member in self.members.values() if not member.is_done]

    def events(self) -> Iterator[Event]:
        """Train the seeds in lockstep.

        Yields:
            The events of each seed, as `Unit.events`; those of different seeds alternate.
        """
        (stage,) = self.shared.stages
        before = rng_state()
        members = list(self.members.values())
        try:
            with self.shared.kernels.used(), members[0].on_threads(stage):
                self.threads = torch.get_num_threads()
                for member in members:
                    with seeded(member.seed):
                        member.begin()
                        member.begin_stage(stage)
                        member.random = RandomNumbers()
                    yield member.started()
                yield from self._side_by_side()
                for member in self._left:
                    with member.draws.used():
                        yield from member.epochs(member.run)
                    yield from self._finish(member)
        finally:
            set_rng_state(before)

    def _side_by_side(self) -> Iterator[Event]:
        """Train as long as at least two seeds are left that can be trained side by side."""
        live = [member for member in self._left if not member.run.finished]
        checks = True
        while len(live) > 1:
            runs, numbers = [m.run for m in live], [m.draws for m in live]
            try:
                group = self._group = SideBySide(runs, numbers, checks)
            except Alone as reason:
                self.reason = str(reason)
                if self._is_requested:
                    words = f"The seeds are trained one after the other: {reason}."
                    warnings.warn(words, UserWarning, stacklevel=7)
                return
            while not any(run.finished for run in runs):
                yield from self._epoch(group, live)
            group.release()
            self._group, checks = None, False
            for member in live:
                if member.run.finished:
                    yield from self._finish(member)
            live = [member for member in live if not member.is_done]

    def _epoch(self, group: SideBySide, live: Sequence[_Member]) -> Iterator[Event]:
        started = time.perf_counter()

        def count() -> float:
            nonlocal started
            for member in live:
                member.run.seconds += (time.perf_counter() - started) / len(live)
            return time.perf_counter()

        measured = [len(member.run.steps) for member in live]
        for seen in group.train_epoch():
            count()
            for member, rows, each in zip(live, measured, seen, strict=True):
                yield from member.stepped(member.run, rows, each)
            measured = [len(member.run.steps) for member in live]
            started = time.perf_counter()
        rows_done = group.finish_epoch()
        count()
        for member, row in zip(live, rows_done, strict=True):
            yield member.epoch_done(member.run, row)

    def _finish(self, member: _Member) -> Iterator[Event]:
        (stage,) = self.shared.stages
        with member.draws.used():
            member.end_stage(stage, member.run)
            done = member.done(member.run)
        member.is_done = True
        yield done

    def snapshot(self, number: int) -> tuple[Task, nn.Module]:
        """The task of a seed in progress, and a copy of its network as it would be kept now."""
        return self.members[number].snapshot(number)

    # --- saving and resuming ----------------------------------------------------------------

    def checkpoints(self) -> dict[int, Checkpoint]:
        """Everything that is needed to resume each seed in progress, by its index."""
        if self._group is not None:
            self._group.hand_over()
        found: dict[int, Checkpoint] = {}
        for member in self._left:
            own = member.random
            with nullcontext() if own is None else own.used():
                found |= member.checkpoints()
        return found

    def restore(self, checkpoints: Mapping[int, Checkpoint], file: Path) -> None:
        """Make `events` resume from what `checkpoints` returned; it is checked there.

        Args:
            checkpoints: by the index of the seed.
            file: their file, for errors.
        """
        for member in self.members.values():
            member.restore(checkpoints, file)

    def history(self) -> list[dict[str, float]]:
        """The rows of all epochs so far, with their seed."""
        return [row for member in self._left if member.begun for row in member.history()]

    def place(self) -> str:
        """The seeds and their epochs, as text."""
        begun = [member for member in self._left if member.begun] or self._left
        epochs: dict[str, list[str]] = {}
        for member in begun:
            seed, _, epoch = member.place().partition(", ")
            epochs.setdefault(epoch, []).append(seed.removeprefix("seed "))
        return "; ".join(
            f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}, {epoch}"
            for epoch, seeds in epochs.items()
        )


def group_size(shared: Shared, group: int | Literal["auto"]) -> tuple[int, str]:
    """How many seeds are trained side by side; if that is one, with the reason as text.

    It depends on the seeds and the task alone, so that the results do not depend on the number of
    processes.

    Args:
        shared: what all seeds share; the stages with the size of their largest signals.
        group: "auto" or a number.

    Raises:
        ValueError: if it is neither.
    """
    if group != "auto" and (isinstance(group, bool) or not isinstance(group, int) or group < 1):
        advice = "Give 1 to train each seed by itself."
        raise invalid("group", "be a positive number or 'auto'", repr(group), advice)
    stage, count = shared.stages[0], len(shared.seeds)
    if group == 1 or count == 1:
        return 1, ""
    if shared.processes is not None:
        return 1, "the processes share each batch"
    device = torch.device(shared.device).type
    if device not in ("cpu", "cuda"):
        return 1, f"seeds are not trained side by side on the device {device!r}"
    if len(shared.stages) > 1 or stage.task is not None:
        return 1, "the training has several stages"
    if shared.compiled:
        return 1, "the model is compiled"
    if stage.recipe.freeze_first_block:
        return 1, "the recipe freezes the first block at the end"
    if stage.recipe.is_sampled:
        return 1, "the batches of each seed are other nodes"
    if group != "auto":
        return min(group, count), ""
    task = shared.task
    if not isinstance(task, (NodeTask, ImageTask)):
        return 1, "the batches of each seed are other graphs"
    if not isinstance(task, NodeTask) or stage.values is None or stage.values >= MANY_VALUES:
        return 1, "only small graphs are faster side by side"
    if shared.splits is not None or task.with_seed(task.seed + 1) is not task:
        return 1, "each seed has another split"
    model = shared.model
    if shared.loss is not None or not is_repeatable(
        model if isinstance(model, nn.Module) else shared.new_model(reset=False)
    ):
        return 1, "modules, hooks and losses of your own are faster so"
    if device == "cuda":
        return min(MOST_GPU, count), ""
    return min(max(LEAST, min(count // GROUPS, MOST)), count), ""
