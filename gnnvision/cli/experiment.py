"""What surrounds the training of a script: its run folder, what it prints, how it is resumed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from gnnvision import _torchrun as torchrun
from gnnvision._extras import missing_text
from gnnvision.cli.devices import usable_device, use_deterministic
from gnnvision.cli.entry import print_warning, resume_command
from gnnvision.cli.error_messages import error_message
from gnnvision.cli.folders import complete_run, run_folder, settings
from gnnvision.cli.options import Options
from gnnvision.cli.output import print_report
from gnnvision.cli.pages import report_progress
from gnnvision.cli.ranks import former_folder
from gnnvision.data import Task
from gnnvision.errors import invalid
from gnnvision.report import start_maps
from gnnvision.report.headline import banner
from gnnvision.training import Interrupted, Recipe, Result
from gnnvision.training.record import has_checkpoint, is_complete, is_readable

Progress = Callable[[int, int, str], None]

__all__ = ["TrainingRun", "fit_options", "report_block", "training_run", "warn_without_figures"]


class TrainingRun:
    """A run while it is trained and reported.

    Args:
        folder: of the run.
        options: of `gnnvision.fit`, as the flags say.
        stack: left after the report is written.
    """

    def __init__(self, folder: Path, options: dict[str, Any], stack: ExitStack) -> None:
        self.folder = folder
        self.options = options
        self.progress: Progress | None = None
        self._stack = stack

    def show(self, result: Result, *lines: str) -> None:
        """Print the result; `progress` then shows how far its report is.

        Args:
            result: of the run.
            *lines: further lines to print below the table.
        """
        self.progress = self._stack.enter_context(report_block(result, *lines))


@contextmanager
def training_run(
    experiment: str,
    config: Options,
    task: Task,
    model: nn.Module,
    recipe: Recipe,
    *,
    ensemble: bool = False,
) -> Iterator[TrainingRun]:
    """The run folder in which a script trains and reports, as its flags say.

    After Ctrl-C it prints the command that resumes the run.

    Args:
        experiment: the name of the script, and of the folder of its runs.
        config: its flags.
        task: the dataset.
        model: the network to train.
        recipe: how to train it.
        ensemble: whether to keep the networks of all seeds.

    Example:
        with cli.training_run("gcn_cora", config, task, model, recipe) as run:
            result = gv.fit(model, task, recipe, config.seeds, **run.options)
            run.show(result)
            result.report(run.progress)
    """
    warn_without_figures()
    options = fit_options(config)
    about = settings(
        experiment,
        config,
        dataset=task.name,
        split={"name": task.split_name, "hash": task.split.hash},
        model=repr(model),
        recipe=recipe.to_dict(),
        device=options["device"],
    )
    resumed = config.resume or former_folder()
    with (
        run_folder(config.out, experiment, about, resumed) as folder,
        start_maps(task) if torchrun.is_first() else nullcontext(),
    ):
        if torchrun.is_first() and config.resume is not None and not torchrun.is_restarted():
            _check_resumable(folder)
        options |= {
            "folder": folder,
            "resume": resumed is not None,
            "ensemble": ensemble,
            "keep_epochs": getattr(config, "keep_epochs", False),
            "data_seconds": config.seconds(),
        }
        try:
            with ExitStack() as stack:
                yield TrainingRun(folder, options, stack)
        except Interrupted as stop:
            more = not is_complete(folder) and has_checkpoint(folder)
            again = f" Resume it with: {resume_command(folder)}" if more else ""
            raise Interrupted(f"{stop}{again}") from None


def warn_without_figures() -> None:
    """Print, before any work, that the report of a run will have no figures, if so."""
    if text := missing_text("report", "Drawing the figures of the report"):
        print_warning(f"{text} (The report is written without them.)")


def fit_options(config: Options) -> dict[str, Any]:
    """The options of `gnnvision.fit` for how to compute, as the flags say.

    Args:
        config: the flags.
    """
    if config.deterministic:
        use_deterministic()
    return {
        "device": usable_device(config.device),
        "precision": config.precision,
        "compiled": config.compile,
        "log": config.log,
        "jobs": config.jobs,
        "group": config.group,
        "parallel": config.parallel,
        "save_every": config.save_every,
    }


@contextmanager
def report_block(result: Result, *lines: str) -> Iterator[Progress | None]:
    """Print the result of a run, and after the block, which writes the report, where that is.

    Args:
        result: of a run with a folder, where it is saved already.
        *lines: further lines to print below the table.

    Returns:
        The `progress` of `Result.report`.

    Raises:
        ValueError: if the report cannot be written; the message has the command that tries again.
        Interrupted: on Ctrl-C, with the same advice.
    """
    assert result.folder is not None
    print(result.summary(), *lines, sep="\n", flush=True)
    for line in banner(result):
        print_warning(line)
    started = time.perf_counter()
    again = f"Write it with: {resume_command(result.folder)}"
    saved = f"The run is complete and saved in {str(result.folder)!r}, but its report"
    try:
        with report_progress() as progress:
            yield progress
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped. {saved} is not written yet. {again}") from None
    except Exception as error:
        reason = error_message(error)
        if reason is None or os.environ.get("GNNVISION_TRACEBACK"):
            print_warning(f"{saved} could not be written. {again}")
            raise
        raise ValueError(f"{saved} could not be written: {reason} {again}") from error
    seconds = time.perf_counter() - started
    page = result.folder / "report.html"
    print_report(page, training=result.train_seconds, report=seconds)


def _check_resumable(folder: Path) -> None:
    """Check that something of a run is missing: of its training, or its report.

    Raises:
        ValueError: if it has a report too, or can neither be resumed nor reported.
    """
    if not (folder / "result.json").exists():
        return
    report = folder / "report.html"
    if report.exists() and is_readable(folder):
        raise complete_run(folder, report)
    if not is_complete(folder) and not has_checkpoint(folder):
        raise invalid(
            "--resume", "name a run that can be resumed",
            f"{str(folder)!r}, which is finished but only partly saved",
            "Its metrics are in result.json; start a new run.",
        )  # fmt: skip
