"""The folder of a run: made, locked, resumed, and removed if the run leaves nothing in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnvision import _torchrun as torchrun
from gnnvision import training
from gnnvision.cli import ranks
from gnnvision.cli.entry import invocation, resume_command
from gnnvision.errors import invalid
from gnnvision.training.folder import remove_unused
from gnnvision.training.lock import in_use
from gnnvision.training.progress import Interrupted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["complete_run", "resumable", "run_folder", "settings"]


def settings(experiment: str, config: DataclassInstance, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """The content of a run's `config.json`.

    Args:
        experiment: name of the run's parent folder.
        config: the flags.
        **more: further entries.
    """
    flags = {name: _as_json(value) for name, value in asdict(config).items()}
    return {
        "experiment": experiment,
        "script": invocation().name,
        "command": invocation().command,
        "flags": flags,
        **more,
    }


def _as_json(value: object) -> object:
    if isinstance(value, tuple):
        return [_as_json(one) for one in value]
    return str(value) if isinstance(value, Path) else value


@contextmanager
def run_folder(
    out: Path, experiment: str, settings: Mapping[str, Any], resumed: Path | None = None
) -> Iterator[Path]:
    """The folder of a run, locked for this process; a new one is removed if it stays empty.

    Under torchrun, rank 0 makes it for all processes.

    Args:
        out: folder of all runs.
        experiment: the name of the script.
        settings: content of `config.json`.
        resumed: the folder of a run to resume, instead of a new one.

    Raises:
        ValueError: if it cannot be made, or another process is using it.
    """
    if resumed is not None or not torchrun.is_first():
        with in_use(folder := ranks.remember_folder(resumed)):
            yield folder
        return
    made = [parent for parent in (out / experiment, out, *out.parents) if not parent.exists()]
    folder = ranks.remember_folder(training.new_folder(out, experiment, settings))
    try:
        with in_use(folder):
            yield folder
    except BaseException:
        remove_unused(folder, made)
        raise


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Let Ctrl-C in the block print the command that resumes the run, if any of it is saved.

    Args:
        folder: of the run.

    Raises:
        ValueError: if the run is complete.
        Interrupted: in place of KeyboardInterrupt.
    """
    report = folder / "report.html"
    if report.exists() and not torchrun.is_restarted():
        raise complete_run(folder, report)
    try:
        yield
    except KeyboardInterrupt as stop:
        saved = any(f.is_file() and f != folder / "config.json" for f in folder.rglob("*"))
        again = f" Resume it with: {resume_command(folder)}" if saved else ""
        raise Interrupted(f"{str(stop) or 'Stopped.'}{again}") from None


def complete_run(folder: Path, report: Path) -> ValueError:
    """The error of `--resume` for a run that is complete."""
    return invalid(
        "--resume", "name a run that was stopped", f"{str(folder)!r}, which is complete",
        f"See {report}, or start a new run.",
    )  # fmt: skip
