"""Seeds on the processes of torchrun: each trains some, and rank 0 hears of all.

The processes take the next unit of the training from a common counter. What happens in ranks
other than 0 is sent to rank 0 as by the workers of a training in several processes, in messages
of torchrun's store; so rank 0 shows, logs and writes what one process would.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnnvision import _torchrun as torchrun
from gnnvision.data import LinkTask, NodeTask, Task
from gnnvision.errors import invalid, one_of
from gnnvision.training.events import Event, StepDone, Waiting
from gnnvision.training.group_unit import GroupUnit
from gnnvision.training.messages import dumps, loads
from gnnvision.training.processes import complete
from gnnvision.training.recipe import Recipe
from gnnvision.training.unit import Shared, Unit
from gnnvision.training.worker import Free, Happened, Settings, Warned, light

__all__ = ["Parallel", "SharedSeeds", "describe_sharing", "what_is_shared"]

Parallel = Literal["data", "seeds"]
SEND_EVERY_S = 0.5
_POLL_S = 0.1


def what_is_shared(parallel: Parallel | None, task: Task, recipe: Recipe) -> Parallel | None:
    """What the processes of torchrun share in a training; None without torchrun.

    Args:
        parallel: as given; by default the items of batches if there are several batches, and the
            seeds if each step computes one whole graph.
        task: what is trained on.
        recipe: how.

    Raises:
        ValueError: if it is something else, or given without torchrun.
    """
    if parallel is not None:
        one_of("parallel", parallel, ("data", "seeds"))
    if not torchrun.is_started():
        if parallel is not None:
            advice = "Start the processes with torchrun, or spread seeds over the cores with jobs."
            raise invalid("parallel", "be left out without torchrun", repr(parallel), advice)
        return None
    whole = isinstance(task, (NodeTask, LinkTask)) and not getattr(recipe, "fanouts", ())
    return parallel or ("seeds" if whole else "data")


def describe_sharing(task: Task) -> str:
    """The processes of torchrun that share seeds, as text."""
    why = ": each step computes one whole graph" if isinstance(task, (NodeTask, LinkTask)) else ""
    return f"{torchrun.size()} share the seeds{why}"


class SharedSeeds:
    """Trains units on the processes of torchrun.

    Args:
        shared: what all seeds share.
        units: the units; the same in all processes.
        note: called with each event as soon as it is known.
        results: returns what the seeds gave, which rank 0 tells the others at the end.
        adopt: called with that in the others.
        watched: whether somebody looks at each step and at the initialized models.
        snapshots: whether the weights after each epoch are needed.
    """

    def __init__(
        self,
        shared: Shared,
        units: Sequence[Unit | GroupUnit],
        note: Callable[[Event], object],
        results: Callable[[], object],
        adopt: Callable[[Any], None],
        *,
        watched: bool = False,
        snapshots: bool = False,
    ) -> None:
        self.shared, self.units, self.note = shared, list(units), note
        self.results, self.adopt = results, adopt
        deterministic = torch.are_deterministic_algorithms_enabled()
        self.settings = Settings(1, watched, snapshots, deterministic, torch.get_default_dtype())
        self.key = torchrun.next_key("seeds")
        self._unit: Unit | GroupUnit | None = None  # which this process trains
        self._weights: dict[str, Tensor] | None = None  # of the latest event of another process
        self._items: list[object] = []  # to be sent to rank 0
        self._sent, self._next = 0, 0.0  # the number of messages, and when the next one is due
        self._read = {rank: 0 for rank in range(1, torchrun.size())}  # messages, of each rank
        self._warned: set[tuple[str, type[Warning]]] = set()

    def events(self) -> Iterator[Event]:
        """Train units until none is left.

        Yields:
            The events of the units of this process, on rank 0 of all; `Waiting` while there is
            nothing to do.
        """
        if torchrun.is_first():
            yield from self._lead()
        else:
            yield from self._follow()

    def _claimed(self) -> Iterator[Unit | GroupUnit]:
        """The units that this process trains."""
        while (index := torchrun.next_claim(f"{self.key}/next")) < len(self.units):
            self._unit = self.units[index]
            yield self._unit
        self._unit = None

    def close(self) -> None:
        """Nothing is left to be ended."""

    def refresh(self) -> None:
        """Each process saves its own seeds."""

    def snapshot(self, number: int) -> tuple[Task, nn.Module]:
        """The task of the seed of the latest event, and its network as it would be kept now."""
        if self._weights is None:
            assert self._unit is not None
            return self._unit.snapshot(number)
        network = self.shared.network(self.shared.new_model(reset=False))
        network.load_state_dict(self._weights)
        return self.shared.task_of(number), network

    # --- rank 0 -----------------------------------------------------------------------------

    def _lead(self) -> Iterator[Event]:
        for unit in self._claimed():
            for event in unit.events():
                self.note(event)
                yield event
                yield from self._received()
        while self._read:
            yield from self._received()
            yield Waiting()
            time.sleep(_POLL_S)
        torchrun.post(f"{self.key}/results", dumps(self.results()))

    def _received(self) -> Iterator[Event]:
        """The events that the other processes have sent, now and then."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _POLL_S
        for rank in list(self._read):
            key = f"{self.key}/{rank}/{self._read[rank]}"
            try:
                content = torchrun.message(key, forget=True)
            except ChildProcessError as error:
                yield Waiting(error)
                raise
            if content is None:
                continue
            self._read[rank] += 1
            for item in loads(content):
                match item:
                    case Happened(event, weights):
                        complete(self.shared, event, weights)
                        self.note(event)
                        self._weights = weights or {}
                        yield event
                        self._weights = None
                    case Warned(text, category) if (text, category) not in self._warned:
                        self._warned.add((text, category))
                        warnings.warn(text, category, stacklevel=2)
                    case Free(reason):
                        self._add_reason(reason)
                    case None:
                        del self._read[rank]

    def _add_reason(self, reason: str) -> None:
        for unit in self.units:
            if isinstance(unit, GroupUnit):
                unit.reason = unit.reason or reason
                return

    # --- the others -------------------------------------------------------------------------

    def _follow(self) -> Iterator[Event]:
        with warnings.catch_warnings():
            warnings.showwarning = self._warn  # type: ignore[assignment]
            for unit in self._claimed():
                for event in unit.events():
                    self.note(event)
                    due = time.monotonic() >= self._next
                    if due or self.settings.watched or not isinstance(event, StepDone):
                        self._items.append(light(event, unit, self.settings))
                    if due:
                        yield from self._send()
                    yield event
                self._items.append(Free(unit.reason if isinstance(unit, GroupUnit) else ""))
        self._items.append(None)
        yield from self._send()
        while (content := torchrun.message(f"{self.key}/results")) is None:
            yield Waiting()
            time.sleep(_POLL_S)
        self.adopt(loads(content))

    def _warn(self, message: Warning | str, category: type[Warning], *_: object) -> None:
        self._items.append(Warned(str(message), category))

    def _send(self) -> Iterator[Event]:
        try:
            torchrun.post(f"{self.key}/{torchrun.rank()}/{self._sent}", dumps(self._items))
        except ChildProcessError as error:
            yield Waiting(error)
            raise
        self._items, self._sent = [], self._sent + 1
        self._next = time.monotonic() + SEND_EVERY_S
