"""Logs of a training while it runs: a CSV file, TensorBoard, Trackio or Weights & Biases."""

from __future__ import annotations

import csv
import importlib
import math
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from gnnvision._extras import install_command
from gnnvision.errors import invalid, one_of
from gnnvision.models import network_name
from gnnvision.training.events import EpochDone, Event, SeedDone, SeedStarted

if TYPE_CHECKING:
    from gnnvision.training.trainer import Trainer

__all__ = ["Log", "LogName", "open_log"]

LogName = Literal["csv", "tensorboard", "trackio", "wandb"]
_MODULES: dict[str, str] = {
    "tensorboard": "torch.utils.tensorboard", "trackio": "trackio", "wandb": "wandb",
}  # fmt: skip


class Log(ABC):
    """Writes the losses and scores of each epoch, and at the end those of the test split."""

    def show(self, event: Event) -> None:
        """Write what belongs to an event."""
        match event:
            case SeedStarted():
                self.begin(event)
            case EpochDone():
                row = event.row.items()
                values = {name: value for name, value in row if name != "epoch"}
                self.write(event.seed, int(event.row["epoch"]), values)
            case SeedDone():
                scores = event.outcome.metrics["test"].items()
                found = {f"test_{name}": value for name, value in scores}
                self.end(event.seed, event.outcome.epochs, found)

    @abstractmethod
    def begin(self, started: SeedStarted) -> None:
        """Begin a seed."""

    @abstractmethod
    def write(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        """Write an epoch, from 1; each value is named by its split and metric: "val_loss"."""

    @abstractmethod
    def end(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        """Write the metrics of the test split, and end the seed."""

    @abstractmethod
    def close(self) -> None:
        """End the log, also of a training that was stopped."""


def open_log(name: LogName | None, trainer: Trainer, folder: Path | None) -> Log | None:
    """The log of a training.

    Args:
        name: "csv", "tensorboard", "trackio" or "wandb"; None for none.
        trainer: the training.
        folder: the run folder.

    Raises:
        ValueError: if there is no such log, its package is not installed, or it needs a folder.
    """
    if name is None:
        return None
    one_of("log", name, ("csv", *_MODULES))
    if folder is None and name in ("csv", "tensorboard"):
        raise invalid("folder", f"be given to log to {name}", None, "Name a run folder.")
    if name == "csv":
        assert folder is not None
        return _Csv(trainer, folder / "metrics.csv")
    try:
        module = importlib.import_module(_MODULES[name])
    except ImportError as error:
        advice = f"Install it with: {install_command(name)}"
        raise invalid("log", "name a package that is installed", repr(name), advice) from error
    if name == "tensorboard":
        assert folder is not None
        return _TensorBoard(module, folder / "tensorboard")
    return _Tracker(module, trainer, "" if folder is None else folder.name)


class _Csv(Log):
    """`metrics.csv`, with a new row after each epoch instead of all rows at the end."""

    def __init__(self, trainer: Trainer, file: Path) -> None:
        self.trainer, self.path = trainer, file
        self.before: list[dict[str, float]] | None = None  # the epochs before a run was stopped
        self.file: TextIO | None = None
        self.failed = False

    def begin(self, started: SeedStarted) -> None:
        if self.before is None:
            self.before = self.trainer.history()

    def write(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        if self.failed:
            return
        rows: list[dict[str, float]] = [{"seed": seed, "epoch": epoch} | values]
        try:
            if self.file is None:
                self.file = self.path.open("w", encoding="utf-8", newline="")
                rows = [*(self.before or ()), *rows]
                csv.writer(self.file).writerow(rows[0])
            lines = ([_cell(value) for value in row.values()] for row in rows)
            csv.writer(self.file).writerows(lines)
            self.file.flush()
        except OSError as error:  # the training itself can continue
            self.failed = True
            warnings.warn(f"No log could be written to {self.path}: {error}", stacklevel=2)

    def end(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        pass

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


class _TensorBoard(Log):
    """A folder of TensorBoard's event files, for each seed."""

    def __init__(self, module: Any, folder: Path) -> None:  # noqa: ANN401
        self.module, self.folder = module, folder
        self.writers: dict[int, Any] = {}  # of the seeds in progress

    def begin(self, started: SeedStarted) -> None:
        folder = str(self.folder / f"seed-{started.seed}")
        # What was written after the checkpoint that a run is resumed from is hidden.
        writer = self.module.SummaryWriter(folder, purge_step=started.epoch + 1)
        self.writers[started.seed] = writer

    def write(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.writers[seed].add_scalar(name.replace("_", "/", 1), value, epoch)
        self.writers[seed].flush()

    def end(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        self.write(seed, epoch, values)
        self.writers.pop(seed).close()

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


class _Tracker(Log):
    """A run of Trackio or Weights & Biases for each seed, in the project "gnnvision".

    A training that is resumed begins another run of the same name and group. There is one run at
    a time: of seeds that are trained at the same time, the others wait for its end.
    """

    def __init__(self, module: Any, trainer: Trainer, group: str) -> None:  # noqa: ANN401
        self.module, self.trainer = module, trainer
        self.group = group or trainer.task.name
        self.is_open = False
        self.number: int | None = None  # of the seed of the run
        self.waiting: dict[int, list[SeedStarted | EpochDone | SeedDone]] = {}

    def show(self, event: Event) -> None:
        """Write what belongs to an event, now or after the run of another seed."""
        if not isinstance(event, SeedStarted | EpochDone | SeedDone):
            return
        if self.number not in (None, event.number):
            self.waiting.setdefault(event.number, []).append(event)
            return
        self.number = event.number
        super().show(event)
        if isinstance(event, SeedDone):
            self.number = None
            self._show_next()

    def _show_next(self) -> None:
        if self.waiting:
            for event in self.waiting.pop(min(self.waiting)):
                self.show(event)

    def begin(self, started: SeedStarted) -> None:
        task, recipe = self.trainer.task, self.trainer.stages[-1].recipe
        config = {
            "dataset": task.name,
            "split": task.split_name,
            "network": network_name(started.model),
            "seed": started.seed,
            "precision": self.trainer.precision,
            "recipe": recipe.to_dict(),
        }
        name = f"{self.group} seed {started.seed}"
        self.module.init(project="gnnvision", name=name, group=self.group, config=config)
        self.is_open = True

    def write(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        known = {name.replace("_", "/", 1): v for name, v in values.items() if not math.isnan(v)}
        self.module.log(known, step=epoch)

    def end(self, seed: int, epoch: int, values: dict[str, float]) -> None:
        self.write(seed, epoch, values)
        self.is_open = False
        self.module.finish()

    def close(self) -> None:
        while True:
            if self.is_open:
                self.is_open = False
                self.module.finish()
            if not self.waiting:
                return
            self.number = None
            self._show_next()


def _cell(value: float) -> float | str:
    return "" if isinstance(value, float) and math.isnan(value) else value
