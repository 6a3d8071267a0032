"""What experiment scripts share: their flags, their run folder, and how they end.

A script declares its flags as a dataclass that extends `Options`, and hands its main function to
`run`. Mistakes of the user end with one sentence and exit code 2, Ctrl-C with the command that
goes on and exit code 130.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import torch
from rich.console import Console
from torch import nn

from gnnvision import data, training
from gnnvision.cli.options import LookOptions, MoleculeOptions, Options, PictureOptions
from gnnvision.training import Interrupted, Recipe, Result
from gnnvision.training.folder import replace_file

__all__ = [
    "Loaded",
    "LookOptions",
    "MoleculeOptions",
    "Options",
    "PictureOptions",
    "fit",
    "load",
    "molecules",
    "output",
    "pictures",
    "run",
    "usable_device",
]

Config = TypeVar("Config")
FREE_ON_RESUME = ("resume", "out", "data_root", "device")

_errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


@dataclass(frozen=True)
class Loaded:
    """A task as the command line asked for it.

    Args:
        task: what was loaded.
        seconds: how long that took.
        preferred: the data set that "auto" stands for.
    """

    task: data.Task
    seconds: float
    preferred: str

    def with_task(self, task: data.Task) -> Loaded:
        """The same with another form of the task: augmented, for example."""
        return replace(self, task=task)


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
    about = (sys.modules[main.__module__].__doc__ or "").partition("\n")[0]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            main(_parse(config, argv, about))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left unwritten would be tried again, and complained of, at the end of Python.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except Interrupted as stop:
        _end(130, str(stop))
    except KeyboardInterrupt:
        _end(130, "Stopped.")
    except training.NotSaved as error:
        print(error.result.summary())
        _end(2, f"error: {error}")
    except (ValueError, TypeError, FileNotFoundError) as error:
        if os.environ.get("GNNVISION_TRACEBACK"):
            raise
        _end(2, f"error: {error}")


def load(config: Options, preferred: str, **options: Any) -> Loaded:  # noqa: ANN401
    """The task that the flags name.

    Args:
        config: the flags.
        preferred: the data set that "auto" stands for, where it can be had.
        **options: more of those that `gnnvision.data.load` takes.
    """
    started = time.perf_counter()
    if config.data_root is not None:
        data.data_root(config.data_root)  # a folder that is named must be there, needed or not
    task = data.load(config.source(preferred), **config.data_options() | options)
    return Loaded(task, time.perf_counter() - started, preferred)


def pictures(loaded: Loaded) -> data.ImageTask:
    """The task, which must be one of pictures.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(loaded.task, data.ImageTask):
        raise ValueError(
            f"'--dataset' must be pictures, got {loaded.task.name!r}. Choose cifar10, "
            "fashion_mnist, mnist, digits, or a folder of pictures."
        )
    return loaded.task


def molecules(loaded: Loaded) -> data.GraphTask:
    """The task, which must be one of molecules or other graphs, with a target for each.

    Raises:
        ValueError: if it is not.
    """
    if not isinstance(loaded.task, data.GraphTask):
        raise ValueError(
            f"'--dataset' must be molecules or graphs, got {loaded.task.name!r}. Choose esol, "
            "tox21, hiv, mutag or another one of them, or give a table with --csv."
        )
    return loaded.task


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
    if not len(task.split.val):
        recipe = replace(recipe, select="last")  # nothing tells which epoch is best
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
    device = usable_device(config.device)
    if config.resume is None:
        settings = {
            "experiment": experiment,
            "command": _command(),
            "flags": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
            "dataset": task.name,
            "split": {"name": task.split_name, "hash": task.split.hash},
            "model": repr(model),
            "recipe": recipe.to_dict(),
            "device": device,
        }
        folder = training.new_folder(config.out, experiment, settings)
    else:
        folder = config.resume
        if (folder / "result.json").exists():
            raise ValueError(
                f"'--resume' must name a run that was stopped, got {str(folder)!r}, which is "
                f"complete. See {folder / 'report.html'}, or start a new run."
            )
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
        script = shlex.quote(sys.argv[0])
        raise Interrupted(
            f"{stop} Go on with: python {script} --resume {shlex.quote(str(folder))}"
        ) from None
    if task.requested == "auto" and not task.name.startswith(loaded.preferred):
        title = data.describe(loaded.preferred).title
        result.notes.append(f"This is NOT {title}: it ran on {task.card.title}.")
    page = result.report()
    print(result.summary())
    for note in result.notes:
        _errors.print(note, style="bold yellow")
    print(f"report: {page}")
    return result


def _parse(config: type[Config], argv: Sequence[str] | None, about: str) -> Config:
    import tyro

    flags = tyro.cli(config, args=argv, description=about)
    folder = getattr(flags, "resume", None)
    if folder is None:
        return flags
    assert isinstance(flags, Options)
    return _resumed(flags, folder, config, argv, about)


def _resumed(
    flags: Any,  # noqa: ANN401 - a dataclass of its own for each script
    folder: Path,
    config: type[Config],
    argv: Sequence[str] | None,
    about: str,
) -> Config:
    """The flags of the run that is to go on; those that are given must not contradict them."""
    import tyro

    stored = training.read_json(folder / "config.json").get("flags", {})
    kinds = {f.name: f.type for f in fields(config)}  # type: ignore[arg-type]
    before: dict[str, Any] = {
        name: _as_kind(value, str(kinds[name]))
        for name, value in stored.items()
        if name in kinds and name != "resume"
    }
    old = replace(flags, **before, resume=folder)
    flags = tyro.cli(config, args=argv, default=old, description=about)
    given: Config = flags
    for name in kinds:
        if name not in FREE_ON_RESUME and getattr(flags, name) != getattr(old, name):
            then = getattr(old, name)
            raise ValueError(
                f"'--{name.replace('_', '-')}' must be {'unset' if then is None else then} as in "
                f"the run that is resumed, got {getattr(flags, name)}. Leave it out, or start a "
                "new run."
            )
    return given


def _as_kind(value: Any, kind: str) -> Any:  # noqa: ANN401
    """A flag that JSON has held, as it was."""
    if value is not None and "Path" in kind:
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


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
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"'--device' must be a device of this machine, got {name!r} ({reason}). "
            "Use 'auto' or 'cpu'."
        ) from error
    return str(device)


@contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """A text file to write to, whole or not at all; the standard output if `path` is None.

    Raises:
        ValueError: if it cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    text = io.StringIO()
    yield text
    try:
        replace_file(path, text.getvalue().encode())
    except OSError as error:
        raise ValueError(
            f"'--out' must be a file that can be written, got {str(path)!r} "
            f"({error.strerror or error}). Give another one."
        ) from error


def _command() -> str:
    return shlex.join(["python", *sys.argv])


def _show_warning(message: Warning | str, *_: Any) -> None:  # noqa: ANN401
    _errors.print(str(message), style="bold yellow")


def _end(code: int, text: str) -> NoReturn:
    _errors.print(text)
    raise SystemExit(code)
