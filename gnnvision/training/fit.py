"""One `fit` for every kind of task: pictures, graphs, molecules; one seed or a hundred."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import nn

from gnnvision.data import Task
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gnnvision.training.folder import write_csv, write_json
from gnnvision.training.objective import objective
from gnnvision.training.precision import device_name
from gnnvision.training.progress import Interrupted, Reporter, stop_on_signal
from gnnvision.training.recipe import Recipe
from gnnvision.training.result import Outcome, Result
from gnnvision.training.seed_run import SeedRun
from gnnvision.training.seeds import to_seeds
from gnnvision.training.session import Session

__all__ = ["NotSaved", "fit", "write_result"]

LAST = Path("checkpoints", "last.safetensors")
BEST = Path("checkpoints", "best.safetensors")
SEED = "checkpoints/seed-{}.safetensors"


def fit(
    model: nn.Module | Callable[[], nn.Module],
    task: Task,
    recipe: Recipe | None = None,
    seeds: int | Sequence[int] = 1,
    *,
    reset: bool = True,
    device: str = "cpu",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    compiled: bool = False,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    ensemble: bool = False,
    progress: bool = True,
    data_seconds: float = 0.0,
) -> Result:
    """Train a model on a task, once for each seed, and measure it.

    A seed decides the first weights, everything drawn in training, and the split if that is
    random. Within a seed, validation chooses the epoch that is kept; the test part is read once,
    at the end, by the kept model. So is the training part, unless it has more than 10,000 items:
    then its figures are those of the kept epoch itself, each batch taken before its step. After
    the call `model`, if it is a module, holds the weights of the seed that validation likes best,
    on the device it was on; the result's `model` and `task` are both on the device that trained.

    With a `folder` the run leaves there: `metrics.csv` (a row for each seed and epoch),
    `result.json` and `checkpoints/best.safetensors`; while it runs, also
    `checkpoints/last.safetensors`, from which it can go on: on the CPU it ends with the same
    bits as a run that never stopped.

    Args:
        model: a module that is called with (x, domain); or a function that builds one.
        task: what to learn; see `gnnvision.data.load`.
        recipe: how; the defaults of `Recipe` if not given.
        seeds: how many (0, 1, ...), or which.
        reset: whether each seed draws new first weights; False starts each from the weights that
            `model` has.
        device: "cpu", "cuda", "mps".
        precision: of the arithmetic; "auto" is bfloat16 for convolutions of pictures on a device
            that multiplies it in hardware, float32 otherwise.
        compiled: whether to let torch's compiler join the operations of a training step; it
            takes its time before the first step and needs a C++ compiler on the CPU.
        folder: a run folder; see `new_folder`.
        resume: whether to go on from the folder's checkpoint.
        ensemble: whether to keep the weights of every seed too, to predict with all of them:
            `checkpoints/seed-N.safetensors`; needs a folder.
        progress: whether to show how far it is.
        data_seconds: how long loading the data took, for the record.

    Returns:
        The metrics of all seeds and the chosen model.

    Raises:
        ValueError: if the model or recipe does not fit the task, the loss is no longer a number,
            or the checkpoint to resume from is of another run.
        Interrupted: on Ctrl-C, after saving.
        NotSaved: if the finished run could not be written to the folder; it carries the result.

    Example:
        >>> import gnnvision as gv
        >>> task = gv.data.load("karate")
        >>> model = gv.models.gcn(task.in_channels, 8, task.num_classes)
        >>> result = fit(model, task, Recipe(epochs=5), seeds=2, progress=False)
        >>> len(result.outcomes)
        2
    """
    recipe = recipe or Recipe()
    numbers = to_seeds(seeds)
    path = None if folder is None else Path(folder)
    if ensemble and path is None:
        raise ValueError(
            "'folder' must be given to keep an ensemble, got None. Name a run folder."
        )
    session = Session(model, task, recipe, numbers, reset, device, precision, compiled)
    if resume:
        if path is None:
            raise ValueError("'folder' must be given to resume a run, got None. Name its folder.")
        session.restore(read_checkpoint(path / LAST))

    def save(checkpoint: Checkpoint) -> bool:
        if path is None:
            return False
        try:
            (path / LAST).parent.mkdir(parents=True, exist_ok=True)
            write_checkpoint(path / LAST, checkpoint)
        except (OSError, SafetensorError) as error:
            # The run itself is not in danger: go on, and say so.
            warnings.warn(f"No checkpoint could be written to {path}: {error}", stacklevel=2)
            return False
        return True

    def keep(run: SeedRun, outcome: Outcome) -> None:
        if ensemble and path is not None:
            about = described(run.task, recipe, run.model, outcome, session.precision)
            file = path / SEED.format(outcome.seed)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_checkpoint(file, Checkpoint(run.best, about))

    with stop_on_signal() as stop, Reporter(progress, len(numbers), recipe.epochs) as reporter:
        finished = session.run(stop, reporter, save, keep)
    if not finished:
        kept = "Everything is saved." if session.saved else "Nothing could be saved."
        raise Interrupted(f"Stopped at {session.place()}. {kept}")
    goal = objective(task)
    result = Result(
        task=session.best_task(),
        recipe=recipe,
        model=session.best_model(),
        outcomes=session.outcomes,
        metric=goal.metric,
        higher_is_better=goal.higher_is_better,
        device=device_name(device),
        precision=session.precision,
        compiled=compiled,
        threads=session.threads,
        train_seconds=sum(outcome.seconds for outcome in session.outcomes),
        data_seconds=data_seconds,
        folder=path,
    )
    if isinstance(model, nn.Module):
        model.load_state_dict(result.model.state_dict())
        if _device_of(model) == _device_of(result.model):
            result.model = model
    if path is not None:
        try:
            write_result(result, path)
        except OSError as error:
            raise NotSaved(result, path, error) from error
    return result


def _device_of(model: nn.Module) -> torch.device | None:
    return next((value.device for value in model.state_dict().values()), None)


class NotSaved(OSError):
    """A finished run could not be written down; its result is in `result`.

    Args:
        result: what was to be written.
        folder: where to.
        error: why it could not be.
    """

    def __init__(self, result: Result, folder: Path, error: OSError) -> None:
        self.result = result
        super().__init__(
            f"The run is over but {str(folder)!r} could not be written to "
            f"({error.strerror or error}). Make room there and run it again."
        )


def write_result(result: Result, folder: Path) -> None:
    """Write `metrics.csv`, `result.json` and the chosen weights into the run folder."""
    (folder / BEST).parent.mkdir(parents=True, exist_ok=True)
    rows = [{"seed": o.seed} | row for o in result.outcomes for row in o.history]
    write_csv(folder / "metrics.csv", rows)
    about = described(result.task, result.recipe, result.model, result.best, result.precision)
    write_checkpoint(folder / BEST, Checkpoint(result.model.state_dict(), about))
    write_json(folder / "result.json", result.to_dict())
    (folder / LAST).unlink(missing_ok=True)


def described(
    task: Task, recipe: Recipe, model: nn.Module, outcome: Outcome, precision: str
) -> dict[str, Any]:
    """What a checkpoint says beside the weights: all that predicting with them needs."""
    return {
        "dataset": task.name,
        "title": task.card.title,
        "class_names": list(task.class_names),
        "in_channels": task.in_channels,
        "split": {
            "name": task.split_name,
            "hash": task.split.hash,
            **{part: getattr(task.split, part).tolist() for part in ("train", "val", "test")},
        },
        "recipe": recipe.to_dict(),
        "seed": outcome.seed,
        "epoch": outcome.best_epoch,
        "model": repr(model),
        "spec": getattr(model, "spec", None),
        "kind": task.kind,
        "input": task.input_description(),
        "precision": precision,
    }
