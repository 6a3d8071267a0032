"""The training of a script: `cli.fit` trains as the flags say and writes the report."""

from __future__ import annotations

import os
import time
from pathlib import Path

from torch import nn

from gnnvision import training
from gnnvision.cli.datasets import Loaded
from gnnvision.cli.devices import usable_device, use_deterministic
from gnnvision.cli.entry import print_warning, resume_command
from gnnvision.cli.error_messages import error_message
from gnnvision.cli.folders import complete_run, run_folder, settings
from gnnvision.cli.options import Options
from gnnvision.cli.output import print_overview, print_report
from gnnvision.cli.pages import report_progress
from gnnvision.errors import invalid
from gnnvision.report import start_maps
from gnnvision.report.headline import banner
from gnnvision.training import Interrupted, Recipe, Result
from gnnvision.training.checks import can_choose, without_validation
from gnnvision.training.record import LAST, is_complete, is_readable

__all__ = ["finish", "fit"]


def fit(
    experiment: str,
    config: Options,
    model: nn.Module,
    loaded: Loaded,
    recipe: Recipe,
    *,
    ensemble: bool = False,
) -> Result:
    """Train as the flags say in a run folder, print the table of results, write the report.

    An overview of the data is printed before the training begins.

    Args:
        experiment: the name of the script, and of the folder of its runs.
        config: its flags.
        model: the network to train.
        loaded: the dataset, from `load`.
        recipe: how to train; epochs, learning rate and batch size of the flags take precedence.
        ensemble: whether to keep the networks of all seeds.
    """
    task = loaded.task
    recipe = config.adapt(recipe)
    if not can_choose(task):
        recipe = without_validation(recipe)
    if config.deterministic:
        use_deterministic()
    device = usable_device(config.device)
    stored = settings(
        experiment,
        config,
        dataset=task.name,
        split={"name": task.split_name, "hash": task.split.hash},
        model=repr(model),
        recipe=recipe.to_dict(),
        device=device,
    )
    with (
        run_folder(config.out, experiment, stored, config.resume) as folder,
        start_maps(task),
    ):
        if config.resume is not None and _only_report_missing(folder):
            result = training.read_result(folder, task, model, device)
        else:
            print_overview(task)
            try:
                result = training.fit(
                    model,
                    task,
                    recipe,
                    config.seeds,
                    device=device,
                    precision=config.precision,
                    compiled=config.compile,
                    folder=folder,
                    resume=config.resume is not None,
                    ensemble=ensemble,
                    data_seconds=loaded.seconds,
                )
            except Interrupted as stop:
                again = f" Resume it with: {resume_command(folder)}"
                raise Interrupted(f"{stop}{again * (folder / LAST).is_file()}") from None
        finish(result)
    return result


def finish(result: Result, *lines: str) -> None:
    """Print the table of results, write the report, and print its path and the time of each step.

    Args:
        result: of a run with a folder, where it is saved already.
        *lines: further lines to print below the table.

    Raises:
        ValueError: if the report cannot be written; the message has the command that tries again.
        Interrupted: on Ctrl-C, with the same advice.
    """
    print(result.summary(), *lines, sep="\n", flush=True)
    for line in banner(result):
        print_warning(line)
    started = time.perf_counter()
    page = _write_report(result)
    seconds = time.perf_counter() - started
    print_report(page, training=result.train_seconds, report=seconds)


def _only_report_missing(folder: Path) -> bool:
    """Whether the run is complete but for its report.

    Raises:
        ValueError: if it has a report too, or can neither be resumed nor reported.
    """
    if not (folder / "result.json").exists():
        return False
    report = folder / "report.html"
    if report.exists() and is_readable(folder):
        raise complete_run(folder, report)
    if is_complete(folder):
        return True
    if (folder / LAST).exists():
        return False
    raise invalid(
        "--resume", "name a run that can be resumed",
        f"{str(folder)!r}, which is finished but only partly saved",
        "Its metrics are in result.json; start a new run.",
    )  # fmt: skip


def _write_report(result: Result) -> Path:
    assert result.folder is not None
    again = f"Write it with: {resume_command(result.folder)}"
    saved = f"The run is complete and saved in {str(result.folder)!r}, but its report"
    try:
        with report_progress() as progress:
            return result.report(progress)
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped. {saved} is not written yet. {again}") from None
    except Exception as error:
        reason = error_message(error)
        if reason is None or os.environ.get("GNNVISION_TRACEBACK"):
            print_warning(f"{saved} could not be written. {again}")
            raise
        raise ValueError(f"{saved} could not be written: {reason} {again}") from error
