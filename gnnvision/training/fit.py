"""One `fit` for every kind of task: pictures, graphs, molecules; one seed or a hundred."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from gnnvision.data import Task
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gnnvision.training.lock import in_use
from gnnvision.training.objective import objective
from gnnvision.training.precision import device_name
from gnnvision.training.progress import Interrupted, Reporter, stop_on_signal
from gnnvision.training.recipe import Recipe
from gnnvision.training.record import BEST, LAST, SEED, NotSaved, described, write_result
from gnnvision.training.result import Outcome, Result
from gnnvision.training.seed_run import SeedRun
from gnnvision.training.seeds import to_seeds
from gnnvision.training.session import Session

__all__ = ["BEST", "LAST", "NotSaved", "fit", "write_result"]


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
        model: any module, called with the domain if its forward asks for one (a second required
            input, or a parameter named domain, graph or grid) and with the signal alone if not;
            or a function that builds one.
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

    Warns:
        UserWarning: before a seed trains on a split whose scores mean nothing: a part of it has
            no known label, or one class only; see `Task.data_warnings`.

    Raises:
        TypeError: if the model requires other inputs than a signal and its domain.
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
    unsaved: dict[str, Checkpoint] = {}  # weights of seeds, to be tried once more at the end

    def save(checkpoint: Checkpoint) -> bool:
        if path is None:
            return False
        try:
            write_checkpoint(path / LAST, checkpoint)
        except OSError as error:
            # The run itself is not in danger: go on, and say so.
            warnings.warn(f"No checkpoint could be written to {path}: {error}", stacklevel=2)
            return False
        return True

    def keep(run: SeedRun, outcome: Outcome) -> None:
        if ensemble and path is not None:
            about = described(run.task, recipe, run.model, outcome, session.precision)
            name = SEED.format(outcome.seed)
            try:
                write_checkpoint(path / name, Checkpoint(run.best, about))
            except OSError:
                unsaved[name] = Checkpoint(run.best, about)

    with nullcontext() if path is None else in_use(path), stop_on_signal() as stop:
        if resume:
            _restore(session, path)
        try:
            with Reporter(progress, len(numbers), recipe.epochs) as reporter:
                finished = session.run(stop, reporter, save, keep)
            if not finished:
                raise Interrupted(session.stopped())
            result = _result(session, task, data_seconds, path)
            if isinstance(model, nn.Module):
                model.load_state_dict(result.model.state_dict())
                if _device_of(model) == _device_of(result.model):
                    result.model = model
            if path is not None:
                write_result(result, path, unsaved)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # a second request
            raise Interrupted(session.stopped(at_once=True)) from None
    return result


def _restore(session: Session, path: Path | None) -> None:
    """Let the session go on from the folder's checkpoint, or start over where it has none yet."""
    if path is None:
        raise ValueError("'folder' must be given to resume a run, got None. Name its folder.")
    if (path / "checkpoints").is_dir() and not (path / LAST).exists():
        warnings.warn(
            f"The run in {path} was stopped before its first checkpoint: it starts over.",
            stacklevel=3,
        )
        return
    session.restore(read_checkpoint(path / LAST), path / LAST)


def _result(session: Session, task: Task, data_seconds: float, path: Path | None) -> Result:
    """What comes out of a session that is over."""
    goal = objective(task)
    return Result(
        task=session.best_task(),
        recipe=session.recipe,
        model=session.best_model(),
        outcomes=session.outcomes,
        metric=goal.metric,
        higher_is_better=goal.higher_is_better,
        device=device_name(session.device),
        precision=session.precision,
        compiled=session.compiled,
        threads=session.threads,
        train_seconds=sum(outcome.seconds for outcome in session.outcomes),
        data_seconds=data_seconds,
        folder=path,
        notes=list(session.concerns),
    )


def _device_of(model: nn.Module) -> torch.device | None:
    return next((value.device for value in model.state_dict().values()), None)
