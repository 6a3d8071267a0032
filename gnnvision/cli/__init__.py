"""What experiment scripts share: their flags, their run folder, and how they end.

A script declares its flags as a dataclass that extends `Options`, and hands its main function to
`run`. Mistakes of the user end with one sentence and exit code 2, Ctrl-C with the command that
goes on and exit code 130.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import torch
from rich.console import Console
from torch import nn

from gnnvision import data, training
from gnnvision.cli.loaded import Loaded, load, molecules, nodes, pictures
from gnnvision.cli.mistakes import sentence
from gnnvision.cli.options import LookOptions, MoleculeOptions, Options, PictureOptions
from gnnvision.cli.overview import print_entries, print_overview
from gnnvision.cli.resumed import parsed
from gnnvision.cli.unused import refuse_unused
from gnnvision.training import Interrupted, Recipe, Result
from gnnvision.training.checks import can_choose, without_validation
from gnnvision.training.folder import remove_unused, replace_file, utf8
from gnnvision.training.lock import in_use
from gnnvision.training.progress import signals_interrupt
from gnnvision.training.record import LAST, is_complete, is_readable, read_result

__all__ = [
    "Loaded",
    "LookOptions",
    "MoleculeOptions",
    "Options",
    "PictureOptions",
    "fit",
    "load",
    "molecules",
    "nodes",
    "output",
    "pictures",
    "print_entries",
    "print_overview",
    "refuse_unused",
    "resumable",
    "run",
    "run_folder",
    "usable_device",
    "use_deterministic",
]

Config = TypeVar("Config")

_DEVICES = ("cpu", "cuda", "mps")

_errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def run(
    config: type[Config], main: Callable[[Config], object], argv: Sequence[str] | None
) -> None:
    """Read the flags, run `main` with them, and end as a script should.

    Args:
        config: the dataclass of the script's flags.
        main: the experiment.
        argv: the arguments; those of the process if None.

    Raises:
        SystemExit: with code 2 after a mistake of the user, 130 after Ctrl-C, 141 where whoever
            read the output has stopped, as `head` does.
    """
    training.keep_memory()
    module = sys.modules[main.__module__]
    about = (module.__doc__ or "").partition("\n")[0]
    _write_any_name()
    try:
        with warnings.catch_warnings(), signals_interrupt():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            main(parsed(config, argv, about, _script(module)))
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(141) from None
    except Interrupted as stop:
        _end(130, str(stop))
    except KeyboardInterrupt:
        _end(130, "Stopped.")
    except training.NotSaved as error:
        with contextlib.suppress(OSError):
            print(error.result.summary(), flush=True)
        more = f" Go on with: {_resume_with(error.folder)}"
        _end(2, f"error: {error}{more if (error.folder / LAST).is_file() else ''}")
    except Exception as error:
        text = sentence(error)
        if text is None or os.environ.get("GNNVISION_TRACEBACK"):
            raise
        _end(2, f"error: {text}")


def fit(
    experiment: str,
    config: Options,
    model: nn.Module,
    loaded: Loaded,
    recipe: Recipe,
    *,
    ensemble: bool = False,
) -> Result:
    """Train as the flags say, in a run folder, and leave a table, a result and a report.

    What the data were understood to be is printed before the training begins.

    Args:
        experiment: the name of the script, and of the folder of its runs.
        config: its flags.
        model: what to train.
        loaded: what `load` returned.
        recipe: how; epochs and learning rate of the flags come first.
        ensemble: whether to keep the networks of all seeds.
    """
    task = loaded.task
    recipe = config.adapt(recipe)
    if not can_choose(task):
        recipe = without_validation(recipe)
    if config.deterministic:
        use_deterministic()
    device = usable_device(config.device)
    settings = {
        "experiment": experiment,
        "script": Path(sys.argv[0]).stem,
        "command": _command(),
        "flags": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "dataset": task.name,
        "split": {"name": task.split_name, "hash": task.split.hash},
        "model": repr(model),
        "recipe": recipe.to_dict(),
        "device": device,
    }
    with run_folder(config.out, experiment, settings, config.resume) as folder:
        if config.resume is not None and _is_over(folder):
            result = read_result(folder, task, model, device)
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
                again = f" Go on with: {_resume_with(folder)}"
                raise Interrupted(f"{stop}{again * (folder / LAST).is_file()}") from None
        if task.requested == "auto" and not task.name.startswith(loaded.preferred):
            title = data.describe(loaded.preferred).title
            result.notes.append(f"This is NOT {title}: it ran on {task.card.title}.")
        print(result.summary(), flush=True)
        for note in result.notes:
            _errors.print(note, style="bold yellow")
        print(f"report: {_report(result, folder)}")
    return result


def _is_over(folder: Path) -> bool:
    """Whether a run needs nothing but its report.

    Raises:
        ValueError: if it has that too, or can neither go on nor be drawn.
    """
    if not (folder / "result.json").exists():
        return False
    report = folder / "report.html"
    if report.exists() and is_readable(folder):
        raise _complete(folder, report)
    if is_complete(folder):
        return True
    if (folder / LAST).exists():
        return False
    raise ValueError(
        f"'--resume' must name a run that can go on, got {str(folder)!r}, which is finished, but "
        "not all of it was saved. Its figures are in result.json; start a new run."
    )


def _report(result: Result, folder: Path) -> Path:
    """The page of a result, which is saved already, whatever becomes of the page."""
    draw = f"Draw it with: {_resume_with(folder)}"
    saved = f"The run is complete and saved in {str(folder)!r}, but its report"
    try:
        return result.report()
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped. {saved} is not drawn yet. {draw}") from None
    except Exception as error:
        reason = sentence(error)
        if reason is None or os.environ.get("GNNVISION_TRACEBACK"):
            _errors.print(f"{saved} could not be drawn. {draw}")
            raise
        raise ValueError(f"{saved} could not be drawn: {reason} {draw}") from error


@contextmanager
def run_folder(
    out: Path, experiment: str, settings: Mapping[str, Any], resumed: Path | None = None
) -> Iterator[Path]:
    """The folder of a run, for this process alone; a new one goes again if nothing came of it.

    Args:
        out: folder of all runs.
        experiment: the name of the script.
        settings: for `config.json`.
        resumed: the folder of a run that goes on, instead of a new one.

    Raises:
        ValueError: if it cannot be made, or another process works in it.
    """
    if resumed is not None:
        with in_use(resumed):
            yield resumed
        return
    made = [parent for parent in (out / experiment, out, *out.parents) if not parent.exists()]
    folder = training.new_folder(out, experiment, settings)
    try:
        with in_use(folder):
            yield folder
    except BaseException:
        remove_unused(folder, made)
        raise


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Let Ctrl-C in the block end with the command that goes on, if anything of the run is saved.

    Args:
        folder: of the run.

    Raises:
        ValueError: if the run is complete.
        Interrupted: in place of KeyboardInterrupt.
    """
    report = folder / "report.html"
    if report.exists():
        raise _complete(folder, report)
    try:
        yield
    except KeyboardInterrupt as stop:
        left = any(f.is_file() and f != folder / "config.json" for f in folder.rglob("*"))
        again = f" Go on with: {_resume_with(folder)}" if left else ""
        raise Interrupted(f"{str(stop) or 'Stopped.'}{again}") from None


def _complete(folder: Path, report: Path) -> ValueError:
    return ValueError(
        f"'--resume' must name a run that was stopped, got {str(folder)!r}, which is complete. "
        f"See {report}, or start a new run."
    )


def usable_device(name: str) -> str:
    """The device of this name; of "auto" the quickest one.

    Raises:
        ValueError: if it is unknown or not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type not in _DEVICES:
            raise RuntimeError(f"one of {', '.join(_DEVICES)} is needed")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"'--device' must be a device of this machine, got {name!r} ({reason}). "
            "Use 'auto' or 'cpu'."
        ) from error
    return str(device)


def use_deterministic() -> None:
    """Let every operation of this process give the same bits each time, also on a GPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


@contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """A text file to write to, whole or not at all; the standard output if `path` is None.

    Raises:
        ValueError: if it cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    if path.exists() and not path.is_file():
        raise ValueError(
            f"'--out' must be a file that can be written, got {str(path)!r}, which is no regular "
            "file. Leave it out to print the table."
        )
    text = io.StringIO()
    yield text
    try:
        replace_file(path, utf8(text.getvalue()))
    except OSError as error:
        raise ValueError(
            f"'--out' must be a file that can be written, got {str(path)!r} "
            f"({error.strerror or error}). Give another one."
        ) from error


def _command() -> str:
    return shlex.join(["python", *sys.argv])


def _resume_with(folder: Path) -> str:
    return shlex.join(["python", sys.argv[0], "--resume", str(folder)])


def _script(module: object) -> str:
    """The name of the script: that of its file."""
    return Path(getattr(module, "__file__", None) or sys.argv[0]).stem


def _write_any_name() -> None:
    """Let the output take names of files that are not UTF-8, and signs that a terminal lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """What is left unwritten would be tried again, and complained of, at the end of Python."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(message: Warning | str, *_: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(OSError):
        _errors.print(str(message), style="bold yellow")


def _end(code: int, text: str) -> NoReturn:
    with contextlib.suppress(OSError):  # nobody may be there to read it
        _errors.print(text)
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    raise SystemExit(code)
