"""Fine-tuning over several seeds that saves checkpoints and can be resumed."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gnnvision.errors import invalid
from gnnvision.training import Outcome
from gnnvision.training.checkpoint import Checkpoint, pack, read_checkpoint, write_checkpoint
from gnnvision.training.measures import format_score, metric_name
from gnnvision.training.objective import objective
from gnnvision.training.progress import Interrupted, Reporter, StopRequest
from gnnvision.training.recipe import with_current_names
from gnnvision.training.record import LAST, pack_outcomes, unpack_outcomes
from gnnvision.training.result import best_outcome
from gnnvision.transfer.stage_runner import Monitor, StageRunner

__all__ = ["ResumableFineTuning"]


class ResumableFineTuning:
    """A fine-tuning over several seeds that can be stopped after any step and resumed there.

    Args:
        runner: trains one seed.
        seeds: to train.
        folder: the run folder to save checkpoints in; None to save nothing.
    """

    def __init__(self, runner: StageRunner, seeds: list[int], folder: Path | None) -> None:
        self.runner, self.seeds, self.folder = runner, seeds, folder
        self.goal = objective(runner.task)
        self.outcomes: list[Outcome] = []
        self._kept: dict[str, Tensor] = {}  # the weights of the best network so far
        self._pending: Checkpoint | None = None  # of the seed in progress

    def run(self, stop: StopRequest, reporter: Reporter) -> None:
        """Train the seeds that are not complete.

        Raises:
            Interrupted: if stopped, after saving.
        """
        runner, metric = self.runner, self.goal.metric
        for number in range(len(self.outcomes), len(self.seeds)):
            seed = self.seeds[number]
            monitor = Monitor(stop, reporter, self._save, number, seed)
            done = runner.run(
                seed, runner.task.split, ("train", "val", "test"), monitor, self._pending
            )
            if done is None:
                raise Interrupted(self._stopped(seed))
            self._pending = None
            network, outcome = done
            self.outcomes.append(outcome)
            if best_outcome(self.outcomes, metric, self.goal.higher_is_better) is outcome:
                weights = network.state_dict().items()
                self._kept = {name: tensor.detach().clone() for name, tensor in weights}
            value = format_score(metric, outcome.metrics["test"].get(metric, math.nan))
            runner.on_progress(f"seed {seed}: test {metric_name(metric)} {value}")
            if number + 1 < len(self.seeds):
                self._save(None)

    def best_network(self) -> nn.Module:
        """The network of the best seed, in evaluation mode."""
        network = self.runner.untrained(self.runner.task.split).network
        network.load_state_dict(self._kept)
        return network.eval()

    def restore(self) -> None:
        """Resume from the checkpoint in the folder, or start over if there is none yet.

        Raises:
            ValueError: if the checkpoint belongs to another run, naming the difference.
        """
        assert self.folder is not None
        if not (self.folder / LAST).is_file():
            warnings.warn(
                f"The run in {self.folder} was stopped before its first checkpoint and starts "
                "over.",
                stacklevel=4,
            )
            return
        stored = read_checkpoint(self.folder / LAST)
        try:
            before = stored.state["identity"]
            for name, value in self._identity().items():
                if (earlier := with_current_names(before[name])) != value:
                    condition = f"be {earlier} as in the run that is resumed"
                    raise invalid(name, condition, value, "Do not change it, or start a new run.")
            self.outcomes = unpack_outcomes(stored.tensors, stored.state["outcomes"])
            self._kept = stored.group("kept")
            self._pending = stored if stored.state["in_progress"] else None
        except (KeyError, TypeError, AttributeError) as error:
            got = f"{str(self.folder)!r} ({type(error).__name__}: {error})"
            advice = "Use the folder as the run left it."
            raise invalid(
                "folder", "contain a fine-tuning run that was stopped", got, advice
            ) from error

    def _save(self, seed_run: Checkpoint | None) -> None:
        """Save the completed seeds and the state of the seed in progress."""
        if self.folder is None:
            return
        current = Checkpoint({}, {}) if seed_run is None else seed_run
        tensors, outcomes = pack_outcomes(self.outcomes)
        state = {
            "identity": self._identity(),
            "in_progress": seed_run is not None,
            "outcomes": outcomes,
        }
        whole = current.tensors | pack("kept", self._kept) | tensors
        try:
            write_checkpoint(self.folder / LAST, Checkpoint(whole, current.state | state))
        except OSError as error:
            # The run itself can continue.
            warnings.warn(
                f"No checkpoint could be written to {self.folder}: {error}", stacklevel=2
            )

    def _identity(self) -> dict[str, Any]:
        """The settings that a checkpoint must share to belong to this run."""
        runner = self.runner
        digest = hashlib.sha256(repr(runner.backbone.network).encode())
        for name, tensor in runner.backbone.network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        plan: dict[str, Any] = json.loads(json.dumps(asdict(runner.plan)))
        return plan | {
            "seeds": self.seeds,
            "data": runner.task.data_hash,
            "split": runner.task.split.hash,
            "backbone": digest.hexdigest(),
        }

    def _stopped(self, seed: int) -> str:
        done = len(self.outcomes)
        if self.folder is None:
            return f"Stopped at seed {seed}. Nothing was saved, since no folder was given."
        return f"Stopped at seed {seed} ({done + 1} of {len(self.seeds)}). Everything is saved."
