"""`fit`: trains a model on any kind of task, with one seed or many."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

from torch import nn

from gnnvision import _torchrun as torchrun
from gnnvision.data import Task
from gnnvision.errors import in_range, invalid, wrong_type
from gnnvision.training.devices import usable_device
from gnnvision.training.events import Event
from gnnvision.training.lock import in_use
from gnnvision.training.logs import LogName, open_log
from gnnvision.training.loop import Loop
from gnnvision.training.objective import Loss, Metric
from gnnvision.training.precision import device_name
from gnnvision.training.printing import print_entries
from gnnvision.training.progress import Interrupted, Reporter, stop_on_signal
from gnnvision.training.recipe import Recipe
from gnnvision.training.record import BEST, LAST, NotSaved, is_complete, read_result, write_result
from gnnvision.training.result import Result
from gnnvision.training.saved import resume_from
from gnnvision.training.seeds import to_seeds
from gnnvision.training.shared_seeds import Parallel, what_is_shared
from gnnvision.training.sizes import describe_frontier
from gnnvision.training.stage import Stage
from gnnvision.training.threads import share_threads
from gnnvision.training.trainer import Trainer
from gnnvision.training.world import world

__all__ = ["BEST", "LAST", "NotSaved", "check_task", "fit", "train", "write_result"]

# The package that data of another kind come from, and the function that makes a task of them.
_DOORS = {
    "torch_geometric": "gnnvision.data.from_pyg(data)",
    "networkx": "gnnvision.data.from_networkx(G, label=...)",
    "pandas": "gnnvision.data.from_tables(nodes, edges, label=...)",
    "dgl": "gnnvision.data.from_networkx(G.to_networkx(), label=...)",
    "torch": "gnnvision.data.from_tensors(images, labels)",
    "numpy": "gnnvision.data.from_tensors(images, labels)",
}


def fit(
    model: nn.Module | Callable[[], nn.Module],
    task: Task,
    recipe: Recipe | None = None,
    seeds: int | Sequence[int] = 1,
    *,
    reset: bool = True,
    device: str = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    compiled: bool = False,
    loss: Loss | None = None,
    metric: str | Metric | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    ensemble: bool = False,
    keep_epochs: bool = False,
    save_every: float = 30.0,
    progress: bool = True,
    callbacks: Sequence[Callable[[Event], object]] = (),
    log: LogName | None = None,
    group: int | Literal["auto"] = "auto",
    jobs: int | Literal["auto"] = 1,
    parallel: Parallel | None = None,
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
        device: "auto" takes a GPU if there is one; otherwise "cpu", "cuda" or "mps".
        precision: "auto" selects bfloat16 (autocast) for convolutions of images on a device with
            bfloat16 hardware, and float32 otherwise.
        compiled: whether to compile the model with `torch.compile`, which takes time before the
            first step and needs a C++ compiler on the CPU.
        loss: a function (output, target) -> scalar in place of the loss of the task. It gets the
            outputs of the model for the items with a known target, and these targets.
        metric: the metric that compares epochs and seeds: the name of one of the task, such as
            "f1_macro", or a `Metric` of your own; by default "accuracy", "rmse" or "rocauc".
        folder: a run folder; see `new_folder`.
        resume: whether to resume from the folder's checkpoint; a finished run is only read.
        ensemble: whether to keep the weights of all seeds, to predict with their ensemble, as
            `checkpoints/seed-N.safetensors`; needs a folder.
        keep_epochs: whether to keep the weights after each epoch, as
            `checkpoints/epochs/seed-N-epoch-NNN.safetensors`, which `load_run` and `evaluate`
            read; needs a folder.
        save_every: the seconds between checkpoints from which a run can be resumed if it is
            killed; 0 saves after each step.
        progress: whether to print an overview of the data, and then the progress.
        callbacks: functions that are called with each event of the training, see
            `gnnvision.training.events`. An error in one ends the training, which is saved before.
        log: "csv" adds a row to `metrics.csv` after each epoch instead of at the end;
            "tensorboard" writes to the subfolder `tensorboard`; "trackio" and "wandb" make a run
            in the project "gnnvision" for each seed. The last three need the extra of that name.
        group: how many seeds are trained side by side, in one program, each with its own
            initialization, random numbers and early stopping; "auto" selects what is fast: for
            the nodes of a small graph with one split 5 to 10 on the CPU and 16 on a GPU, else 1,
            which trains each seed by itself. The results are equal to those of 1, but for
            rounding. The size does not depend on the number of processes. Where the batches of
            the seeds are different graphs, or a model draws random numbers other than those of
            dropout, seeds are trained one after the other.
        jobs: the number of processes that train seeds at the same time on the CPU, each with an
            equal share of the threads; "auto" is one for each core if the seeds use a single
            thread each. The results are the same bits for the same number of threads. Callbacks
            get copies of the models. Where a process cannot be forked (Windows, macOS, a machine
            with a GPU) the model must be picklable, and the script guarded by
            `if __name__ == "__main__":`.
        parallel: what the processes that torchrun started share: "data", a part of each batch
            each, or "seeds", whole trainings; by default "data" where there are batches to share
            and "seeds" for the nodes of one graph. All processes call `fit` with the same
            arguments and get the same result; rank 0 alone prints and writes, and callbacks of
            "seeds" are called there.
        data_seconds: the time to load the data, in seconds, which the result reports.

    Returns:
        The metrics of all seeds and the selected model.

    Warns:
        UserWarning: if the scores of a split are meaningless because it has no known label or a
            single class; see `Task.data_warnings`.

    Raises:
        TypeError: if `task` is not a task, or the model requires inputs other than a signal and
            its domain.
        ValueError: if the model or the recipe does not fit the task, the loss diverged, or the
            checkpoint to resume from is of another run.
        Interrupted: on Ctrl-C, after saving.
        ChildProcessError: if one of several processes was killed, after saving.
        NotSaved: if the finished run could not be written to the folder; it has the result.

    Example:
        >>> import gnnvision as gv
        >>> task = gv.data.load("karate")
        >>> model = gv.models.gcn(task.in_channels, 8, task.num_classes)
        >>> result = fit(model, task, Recipe(epochs=5), seeds=2, progress=False)
        >>> len(result.outcomes)
        2
    """
    check_task(task)
    share_threads()
    trainer = Trainer(
        model,
        task,
        [Stage(recipe or Recipe())],
        to_seeds(seeds),
        reset=reset,
        device=usable_device(device),
        precision=precision,
        compiled=compiled,
        loss=loss,
        metric=metric,
        group=group,
    )
    result = train(
        trainer,
        folder=folder,
        resume=resume,
        ensemble=ensemble,
        keep_epochs=keep_epochs,
        save_every=save_every,
        progress=progress,
        callbacks=callbacks,
        log=log,
        jobs=jobs,
        parallel=parallel,
        data_seconds=data_seconds,
    )
    if isinstance(model, nn.Module):
        model.load_state_dict(result.model.state_dict())
        places = [next(iter(m.state_dict().values())).device for m in (model, result.model)]
        if places[0] == places[1]:
            result.model = model.eval()
    return result


def train(
    trainer: Trainer,
    *,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    ensemble: bool = False,
    keep_epochs: bool = False,
    save_every: float = 30.0,
    progress: bool = True,
    callbacks: Sequence[Callable[[Event], object]] = (),
    log: LogName | None = None,
    jobs: int | Literal["auto"] = 1,
    parallel: Parallel | None = None,
    data_seconds: float = 0.0,
    preparing_seconds: float = 0.0,
    overview: bool = True,
    task: Task | None = None,
    facts: Mapping[str, str] | None = None,
) -> Result:
    """Run a trainer to its end, and write its result.

    Args:
        trainer: the trainer.
        folder: as for `fit`, and so are the other arguments that are not listed.
        resume: as there.
        ensemble: as there.
        keep_epochs: as there.
        save_every: as there.
        progress: as there.
        callbacks: as there.
        log: as there.
        jobs: as there.
        parallel: as there.
        data_seconds: as there.
        preparing_seconds: the time to prepare this training, such as to compute features.
        overview: whether `progress` prints an overview of the data.
        task: the task of the result; by default the trainer's, with the split of the best seed.
        facts: further rows for the report's first table.

    Raises:
        Interrupted: on Ctrl-C, after saving.
        NotSaved: if the finished run could not be written to the folder; it has the result.
    """
    path = None if folder is None else Path(folder)
    if path is None and (ensemble or resume or keep_epochs):
        what = "resume a run" if resume else "keep an ensemble" if ensemble else "keep epochs"
        raise invalid("folder", f"be given to {what}", None, "Name a run folder.")
    in_range("save_every", save_every, 0, math.inf, advice="Use for example 30.")
    if resume and path is not None and torchrun.agreed(is_complete(path)):
        network = trainer.network()
        return read_result(path, task or trainer.task, network, trainer.device)
    goal, seeds = trainer.goal, trainer.seeds
    trainer.parallel = what_is_shared(parallel, trainer.task, trainer.stages[-1].recipe)
    progress = progress and torchrun.is_first()
    if torchrun.size() > 1:
        if jobs not in (1, "auto"):
            advice = "It has started the processes that share the work."
            raise invalid("jobs", "be left out under torchrun", jobs, advice)
        jobs = 1
    with nullcontext() if path is None else in_use(path), stop_on_signal() as stop:
        if resume and path is not None:
            if not resume_from(path, trainer):
                words = (
                    f"The run in {path} was stopped before its first checkpoint: it starts over."
                )
                warnings.warn(words, stacklevel=3)
        entries: dict[str, str] = {}
        if progress and overview:
            entries = trainer.task.overview() | {"network": trainer.describe_network()}
        try:
            trainer.prepare(jobs)
            if entries:
                entries |= describe_frontier(trainer.shared) | trainer.describe_groups()
        finally:
            if entries:
                print_entries(entries)
        before, started = sum(o.seconds for o in trainer.outcomes), time.perf_counter()
        writer = open_log(log, trainer, path) if torchrun.is_first() else None
        loop = Loop(
            trainer, stop, path, None, writer, callbacks, ensemble, keep_epochs, save_every
        )
        try:
            if progress:
                with Reporter(True, len(seeds), trainer.epochs, metric=goal.metric) as reporter:
                    loop.reporter = reporter
                    loop.run()
            else:
                loop.run()
            best = trainer.best_outcome()
            spent = time.perf_counter() - started
            if trainer.jobs == 1 and torchrun.size() == 1:  # without what callbacks took
                spent = sum(outcome.seconds for outcome in trainer.outcomes) - before
            result = Result(
                task=task or trainer.task.with_seed(best.seed),
                recipe=trainer.stages[-1].recipe,
                model=trainer.network(),
                outcomes=trainer.outcomes,
                metric=goal.metric,
                loss=trainer.loss_name,
                higher_is_better=goal.higher_is_better,
                device=device_name(trainer.device),
                precision=trainer.precision,
                compiled=trainer.compiled,
                threads=trainer.threads,
                train_seconds=preparing_seconds + before + spent,
                data_seconds=data_seconds,
                folder=path,
                notes=list(trainer.concerns),
                facts=dict(facts or {}) | trainer.shared.kernels.facts(),
            )
            if writer is not None:
                writer.close()
            if path is not None and torchrun.is_first():
                write_result(result, path, loop.unsaved)
            if trainer.parallel == "data":  # the files are there for all
                world().wait()
            else:
                torchrun.agreed(None)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # a second request
            raise Interrupted(loop.stopped(at_once=True)) from None
        finally:
            if writer is not None:
                writer.close()
    return result


def check_task(task: object) -> None:
    """Refuse data of another kind, and name the function that makes a task of them.

    Raises:
        TypeError: if it is not a task.
    """
    if isinstance(task, Task):
        return
    first = task[0] if isinstance(task, list | tuple) and task else task
    roots = (kind.__module__.partition(".")[0] for kind in type(first).__mro__)
    door = next((_DOORS[root] for root in roots if root in _DOORS), "gnnvision.data.load(path)")
    what = "be a task of gnnvision.data"
    raise wrong_type("task", what, task, f"Make one with {door}.")
