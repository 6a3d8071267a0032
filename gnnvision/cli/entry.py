"""How a script begins and ends: flags, warnings, errors, Ctrl-C, exit codes."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from gnnvision import _torchrun as torchrun
from gnnvision import training
from gnnvision._extras import require_extra
from gnnvision.cli import ranks
from gnnvision.cli.error_messages import error_message
from gnnvision.cli.resume import parse_flags

__all__ = [
    "Invocation",
    "end_with_error",
    "invocation",
    "name_flag",
    "print_warning",
    "resume_command",
    "run",
]

Config = TypeVar("Config")
_STARTS_AGAIN = "torchrun starts all processes again, and they go on from the checkpoint."


@dataclass(frozen=True)
class Invocation:
    """How the program was started.

    Args:
        name: what runs remember it by: the name of a script, or "gnnvision train".
        program: the words that start it.
        words: its arguments.
    """

    name: str
    program: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command line."""
        return shlex.join([*self.program, *self.words])


_current: ContextVar[Invocation] = ContextVar("invocation")


def invocation() -> Invocation:
    """How the program was started."""
    script = sys.argv[0]
    usual = Invocation(Path(script).stem, ("python", script), tuple(sys.argv[1:]))
    return _current.get(usual)


def run(
    config: type[Config],
    main: Callable[[Config], object],
    argv: Sequence[str] | None = None,
    *,
    verb: str = "",
    doc: str | None = None,
) -> None:
    """Read the flags, run `main` with them, and exit as a command should.

    torch is imported only when the flags are known to be right.

    Args:
        config: the dataclass of the script's flags; its class variable `needs` names the extras
            of this package that it cannot do without.
        main: the experiment.
        argv: the arguments; those of the process if None.
        verb: of the command `gnnvision`; empty for a script.
        doc: the text of the help; the docstring of the script if None.

    Raises:
        SystemExit: with code 2 after a user error, 130 after Ctrl-C, 141 if the reader of the
            output has stopped, as `head` does.
    """
    script = sys.modules[main.__module__]
    name = Path(getattr(script, "__file__", None) or sys.argv[0]).stem
    program = ("gnnvision", verb) if verb else ("python", sys.argv[0])
    words = tuple(sys.argv[1:] if argv is None else argv)
    again = torchrun.starting(program) if torchrun.size() > 1 else program
    started = Invocation(" ".join(program) if verb else name, again, words)
    token = _current.set(started)
    flags: Config | None = None
    _tolerate_undecodable_names()
    try:
        with warnings.catch_warnings(), ranks.only_first_prints():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            about = (script.__doc__ or "") if doc is None else doc
            flags = parse_flags(config, words, about, started.name, shlex.join(program))
            ranks.refuse_unshared(config, shlex.join(program))
            for extra in getattr(config, "needs", ()):
                require_extra(extra, shlex.join(program))
            from gnnvision.training.progress import signals_interrupt

            training.keep_memory()
            ranks.begin()
            with signals_interrupt():
                start = getattr(flags, "start", None)  # of scripts that can compare runs
                main(flags) if start is None else start(main)
            sys.stdout.flush()
        ranks.end("")
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(141) from None
    except KeyboardInterrupt as stop:
        _exit_stopped(stop, flags)
    except Exception as error:
        if isinstance(error, OSError) and isinstance(error, training.NotSaved):
            _exit_unsaved(error)
        lost = ranks.lost_ranks(error)
        if lost:
            lost += _how_to_go_on(flags)
        text = error_message(error) if lost is None else lost
        if text is None or os.environ.get("GNNVISION_TRACEBACK"):
            if torchrun.size() == 1 or ranks.says_error(str(error)):
                raise
            raise SystemExit(1) from None
        _exit_error(name_flag(text, flags, error) if lost is None else text, lost is None)
    finally:
        _current.reset(token)


def name_flag(text: str, flags: object, error: BaseException) -> str:
    """The message of an error with the flag in place of the argument that it names.

    Args:
        text: the message, such as "'batch_size' must be at least 1, got 0."
        flags: the flags of the script, with `flag_of(argument, room)` for what they are called.
        error: the exception; its traceback has the room of the package that was called.
    """
    named = re.match(r"'(\w+)' must ", text)
    if named is None or not hasattr(flags, "flag_of"):
        return text
    flag = flags.flag_of(named[1], _room_of(error))
    return text if flag is None else f"'{flag}'{text[len(named[1]) + 2 :]}"


def _room_of(error: BaseException) -> str:
    """The room of the package, such as "data", whose function the script called."""
    frame = error.__traceback__
    while frame is not None:
        package, _, rest = str(frame.tb_frame.f_globals.get("__name__")).partition(".")
        room = rest.partition(".")[0]
        if package == "gnnvision" and room not in ("cli", ""):
            return room
        frame = frame.tb_next
    return ""


def end_with_error(text: str) -> NoReturn:
    """End the process with exit code 2 and a line on the standard error."""
    _exit_error(text)


def resume_command(folder: Path) -> str:
    """The command that resumes the run in this folder."""
    return shlex.join([*invocation().program, "--resume", str(folder)])


def print_warning(text: str) -> None:
    """Print on the standard error, in color on a terminal."""
    _print(text, style="bold yellow")


def _exit_stopped(stop: KeyboardInterrupt, flags: object) -> NoReturn:
    """End after Ctrl-C or a signal, which torchrun also sends where another process has ended."""
    text, lost = str(stop) or "Stopped.", ranks.lost_ranks(stop)
    if lost is not None and (torchrun.starts_again() or not str(stop)):
        text = _how_to_go_on(flags).strip()
    speaks = torchrun.is_first() or (lost is not None and ranks.speaks_for_first())
    ranks.end(text)
    if not speaks:
        raise SystemExit(130)
    if lost is not None:
        ranks.leave_error(f"{lost} {text}")
        _exit(1, f"error: {lost} {text}")
    _exit(130, text)


def _how_to_go_on(flags: object) -> str:
    """What follows the end of a process, as text after a sentence."""
    from gnnvision.training.record import has_checkpoint

    if torchrun.starts_again():
        return f" {_STARTS_AGAIN}"
    folder = ranks.latest_folder() if hasattr(flags, "resume") else None
    if folder is None or not has_checkpoint(folder):
        return ""
    return f" Resume it with: {resume_command(folder)}"


def _exit_error(text: str, own: bool = True) -> NoReturn:
    """End with exit code 2 and the error, which one of several processes prints.

    Args:
        text: the error; empty if another process has printed it.
        own: whether it happened in this process.
    """
    if ranks.says_error(text) and text:
        line = f"error: {ranks.name_rank(text) if own else text}"
        ranks.leave_error(line)
        _exit(2, line)
    raise SystemExit(2)


def _exit_unsaved(error: training.NotSaved) -> NoReturn:
    """Print the result of a run that could not be saved, and how to repeat the saving."""
    from gnnvision.training.record import has_checkpoint

    with contextlib.suppress(OSError):
        print(error.result.summary(), flush=True)
    resumable = has_checkpoint(error.folder)
    more = f" Resume it with: {resume_command(error.folder)}" if resumable else ""
    _exit_error(f"{error}{more}")


def _print(text: str, style: str = "") -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with contextlib.suppress(OSError):  # a closed terminal
        console.print(text, style=style)


def _show_warning(message: Warning | str, *_: Any) -> None:  # noqa: ANN401
    print_warning(str(message))


def _tolerate_undecodable_names() -> None:
    """Let the output contain file names that are not UTF-8, and characters a terminal lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Discard what is not written yet: Python would complain about it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit(code: int, text: str) -> NoReturn:
    _print(text)
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    raise SystemExit(code)
