"""`fit`: trains a model on any kind of task, with one seed or many."""

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
from gnnvision.errors import invalid
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gnnvision.training.lock import in_use
from gnnvision.training.objective import objective
from gnnvision.training.precision import device_name
from gnnvision.training.progress import Interrupted, Reporter, stop_on_signal
from gnnvision.training.recipe import Recipe
from gnnvision.training.record import BEST, LAST, SEED, NotSaved, describe_run, write_result
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
    """Train a model on a task, once for each seed, and evaluate it.

    A seed determines the initialization, all randomness of the training, and the split if that
    is random. For each seed, the epoch to keep is selected on the validation split. The kept
    model is evaluated on the test split once, at the end, and on the training split too. If the
    training split has more than 10,000 items, its metrics are instead those measured during the
    kept epoch, on each batch before its step. After the call `model`, if it is a module, has the
    weights of the seed with the best validation score, on the device where it was; the `model`
    and the `task` of the result are on the training device.

    With a `folder` the run writes there `metrics.csv` (a row for each seed and epoch),
    `result.json` and `checkpoints/best.safetensors`; while it runs, also
    `checkpoints/last.safetensors`, from which it can be resumed. Resuming is bit-exact on the
    CPU.

    Args:
        model: any module, or a function that builds one. It is called with the signal and the
            domain if its forward takes one (a second required input, or a parameter named
            domain, graph or grid), otherwise with the signal alone.
        task: the task; see `gnnvision.data.load`.
        recipe: the training settings; the defaults of `Recipe` if None.
        seeds: the number of seeds (0, 1, ...), or a list of them.
        reset: whether the model is initialized again for each seed; if False, each seed starts
            from the weights of `model`.
        device: "cpu", "cuda" or "mps".
        precision: "auto" selects bfloat16 (autocast) for convolutions of images on a device with
            bfloat16 hardware, and float32 otherwise.
        compiled: whether to compile the model with `torch.compile`, which takes time before the
            first step and needs a C++ compiler on the CPU.
        folder: a run folder; see `new_folder`.
        resume: whether to resume from the folder's checkpoint.
        ensemble: whether to keep the weights of all seeds, to predict with their ensemble, as
            `checkpoints/seed-N.safetensors`; needs a folder.
        progress: whether to show the progress on the terminal.
        data_seconds: the time to load the data, in seconds, which the result reports.

    Returns:
        The metrics of all seeds and the selected model.

    Warns:
        UserWarning: if the scores of a split are meaningless because it has no known label or a
            single class; see `Task.data_warnings`.

    Raises:
        TypeError: if the model requires inputs other than a signal and its domain.
        ValueError: if the model or the recipe does not fit the task, the loss diverged, or the
            checkpoint to resume from is of another run.
        Interrupted: on Ctrl-C, after saving.
        NotSaved: if the finished run could not be written to the folder; it has the result.

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
        raise invalid("folder", "be given to keep an ensemble", None, "Name a run folder.")
    session = Session(model, task, recipe, numbers, reset, device, precision, compiled)
    unsaved: dict[str, Checkpoint] = {}  # weights of seeds, to be written at the end instead

    def save(checkpoint: Checkpoint) -> bool:
        if path is None:
            return False
        try:
            write_checkpoint(path / LAST, checkpoint)
        except OSError as error:
            # The training itself can continue.
            warnings.warn(f"No checkpoint could be written to {path}: {error}", stacklevel=2)
            return False
        return True

    def keep(run: SeedRun, outcome: Outcome) -> None:
        if ensemble and path is not None:
            about = describe_run(run.task, recipe, run.model, outcome, session.precision)
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
                    result.model = model.eval()
            if path is not None:
                write_result(result, path, unsaved)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # a second request
            raise Interrupted(session.stopped(at_once=True)) from None
    return result


def _restore(session: Session, path: Path | None) -> None:
    """Resume the session from the folder's checkpoint, or start over if it has none yet."""
    if path is None:
        raise invalid("folder", "be given to resume a run", None, "Name its folder.")
    if (path / "checkpoints").is_dir() and not (path / LAST).exists():
        warnings.warn(
            f"The run in {path} was stopped before its first checkpoint: it starts over.",
            stacklevel=3,
        )
        return
    session.restore(read_checkpoint(path / LAST), path / LAST)


def _result(session: Session, task: Task, data_seconds: float, path: Path | None) -> Result:
    """The result of a finished session."""
    goal = objective(task, session.recipe)
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
