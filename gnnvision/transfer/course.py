"""How far a fine-tuning is: what is done, what is saved, and how it goes on."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gnnvision.training import Outcome
from gnnvision.training.checkpoint import Checkpoint, pack, read_checkpoint, write_checkpoint
from gnnvision.training.measures import format_score, metric_name
from gnnvision.training.objective import objective
from gnnvision.training.progress import Interrupted, Reporter, StopRequest
from gnnvision.training.recipe import with_current_names
from gnnvision.training.record import LAST, pack_outcomes, unpack_outcomes
from gnnvision.training.result import best_outcome
from gnnvision.transfer.stages import Transfer, Watch

__all__ = ["Course"]


class Course:
    """A fine-tuning over several seeds that can be stopped after any step and go on from there.

    Args:
        work: the plan at work.
        seeds: which.
        folder: a run folder to save in; None for not saving.
    """

    def __init__(self, work: Transfer, seeds: list[int], folder: Path | None) -> None:
        self.work, self.seeds, self.folder = work, seeds, folder
        self.goal = objective(work.task)
        self.outcomes: list[Outcome] = []
        self._kept: dict[str, Tensor] = {}  # the weights of the best network so far
        self._pending: Checkpoint | None = None  # of the seed in progress

    def run(self, stop: StopRequest, reporter: Reporter) -> None:
        """Train the seeds that are not done yet.

        Raises:
            Interrupted: if stopped on the way, after saving.
        """
        work, metric = self.work, self.goal.metric
        for number in range(len(self.outcomes), len(self.seeds)):
            seed = self.seeds[number]
            watch = Watch(stop, reporter, self._save, number, seed)
            done = work.run(seed, work.task.split, ("train", "val", "test"), watch, self._pending)
            if done is None:
                raise Interrupted(self._stopped(seed))
            self._pending = None
            network, outcome = done
            self.outcomes.append(outcome)
            if best_outcome(self.outcomes, metric, self.goal.higher_is_better) is outcome:
                held = network.state_dict().items()
                self._kept = {name: tensor.detach().clone() for name, tensor in held}
            value = format_score(metric, outcome.metrics["test"].get(metric, math.nan))
            work.told(f"seed {seed}: test {metric_name(metric)} {value}")
            if number + 1 < len(self.seeds):
                self._save(None)

    def best_network(self) -> nn.Module:
        """The network of the best seed, in evaluation mode."""
        network = self.work.untrained(self.work.task.split).network
        network.load_state_dict(self._kept)
        return network.eval()

    def restore(self) -> None:
        """Go on from the folder's checkpoint, or start over where there is none yet.

        Raises:
            ValueError: if it is of another run, with what is different.
        """
        assert self.folder is not None
        if not (self.folder / LAST).is_file():
            warnings.warn(
                f"The run in {self.folder} was stopped before its first checkpoint: it starts "
                "over.",
                stacklevel=3,
            )
            return
        held = read_checkpoint(self.folder / LAST)
        try:
            then = held.state["identity"]
            for name, value in self._identity().items():
                if (stored := with_current_names(then[name])) != value:
                    raise ValueError(
                        f"'{name}' must be {stored} as in the run that is resumed, got "
                        f"{value}. Leave it as it was, or start a new run."
                    )
            self.outcomes = unpack_outcomes(held.tensors, held.state["outcomes"])
            self._kept = held.group("kept")
            self._pending = held if held.state["in_progress"] else None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"'folder' must hold a stopped fine-tuning, got {str(self.folder)!r} "
                f"({type(error).__name__}: {error}). Give the folder as the run left it."
            ) from error

    def _save(self, seed_run: Checkpoint | None) -> None:
        """Write down all that is done, and how far the seed in progress is."""
        if self.folder is None:
            return
        held = Checkpoint({}, {}) if seed_run is None else seed_run
        tensors, outcomes = pack_outcomes(self.outcomes)
        state = {
            "identity": self._identity(),
            "in_progress": seed_run is not None,
            "outcomes": outcomes,
        }
        whole = held.tensors | pack("kept", self._kept) | tensors
        try:
            write_checkpoint(self.folder / LAST, Checkpoint(whole, held.state | state))
        except OSError as error:
            # The run itself is not in danger: go on, and say so.
            warnings.warn(
                f"No checkpoint could be written to {self.folder}: {error}", stacklevel=2
            )

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be of this run."""
        work = self.work
        digest = hashlib.sha256(repr(work.backbone.network).encode())
        for name, tensor in work.backbone.network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        held: dict[str, Any] = json.loads(json.dumps(asdict(work.plan)))
        return held | {
            "seeds": self.seeds,
            "data": work.task.data_hash,
            "split": work.task.split.hash,
            "backbone": digest.hexdigest(),
        }

    def _stopped(self, seed: int) -> str:
        done = len(self.outcomes)
        if self.folder is None:
            return f"Stopped at seed {seed}. Nothing was saved, as there is no folder."
        return f"Stopped at seed {seed} ({done + 1} of {len(self.seeds)}). Everything is saved."
