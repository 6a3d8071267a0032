"""A script that torchrun started in several processes: one of them prints, and all end together.

An error of the user is found by every process. Rank 0 prints it, and the others wait until
torchrun ends them. What happens to one process alone it prints itself, with its rank. Where a
process was killed, another one prints that.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gnnvision import _torchrun as torchrun
from gnnvision.errors import invalid

__all__ = [
    "begin",
    "end",
    "former_folder",
    "latest_folder",
    "lost_ranks",
    "name_rank",
    "only_first_prints",
    "refuse_unshared",
    "remember_folder",
    "says_error",
    "speaks_for_first",
]

_SAME_S = 3.0  # how long a process waits whether rank 0 has the same error
_KILLED_S = 15.0  # how long it waits for torchrun to end it
_ERROR = "error"
# What gloo and NCCL say where another process has ended.
_LOST = (
    "closed by peer",
    "reset by peer",
    "gloo",
    "NCCL",
    "Broken pipe",
    "recvValue",
    "sendBytes",
)
_folders = [0]  # how many run folders this process has had
_latest: list[Path] = []
_ended: list[str] = []  # what this process has told the others of its end
_signals: list[int] = []  # that came outside of the work


def refuse_unshared(config: type, program: str) -> None:
    """Refuse to run what does not train in several processes.

    Args:
        config: the class of its flags; `trains` says whether the program trains.
        program: the words that start it.

    Raises:
        ValueError: if there is nothing that the processes could share.
    """
    if torchrun.size() > 1 and not getattr(config, "trains", False):
        got = f"{program!r}, in {torchrun.size()} processes"
        advice = "It has nothing to share: start it without torchrun."
        raise invalid("torchrun", "start a program that trains", got, advice)


@contextlib.contextmanager
def only_first_prints() -> Iterator[None]:
    """A block in which ranks other than 0 print nothing."""
    if torchrun.is_first():
        yield
        return
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def begin() -> None:
    """Connect this process with the others, before the work begins."""
    if torchrun.size() > 1:
        # torchrun ends all processes when one has ended; first they find out which, and say so.
        signal.signal(signal.SIGTERM, lambda number, frame: _signals.append(number))
        torchrun.is_restarted()  # connects the processes
        torchrun.take_turns()
        torchrun.post(_process(torchrun.rank()), f"{socket.gethostname()} {os.getpid()}".encode())


def end(how: str) -> None:
    """Tell the others that this process is going to end, once."""
    if torchrun.size() > 1 and not _ended and torchrun.is_connected():
        _ended.append(how)
        with contextlib.suppress(Exception):  # of a torchrun that has ended
            torchrun.post(_end(torchrun.rank()), how.encode())


# --- the run folder, also after a restart -----------------------------------------------------


def former_folder() -> Path | None:
    """The run folder that this place of the program had before torchrun restarted it."""
    if not torchrun.is_restarted():
        return None
    name = torchrun.kept_message(f"folder/{_folders[0]}")
    return None if name is None else Path(name)


def remember_folder(folder: Path | None) -> Path:
    """The run folder of all processes, which rank 0 has made.

    Args:
        folder: of rank 0; the others need none.
    """
    number = _folders[0]
    _folders[0] += 1
    if torchrun.is_started() and torchrun.is_first():
        torchrun.keep_message(f"folder/{number}", str(Path(folder or "").resolve()))
    agreed = torchrun.agreed(None if folder is None else str(folder))
    assert agreed is not None
    _latest[:] = [Path(agreed)]
    return _latest[0]


def latest_folder() -> Path | None:
    """The run folder that the program works in; None if it has none yet."""
    return _latest[0] if _latest else None


# --- how the processes end --------------------------------------------------------------------


def says_error(text: str) -> bool:
    """Whether this process is the one to print an error; the others return when that is done.

    Args:
        text: the error.
    """
    if not torchrun.is_started():
        return True
    if torchrun.is_first():
        end(text)
        return not _is_repeated(text)
    if not torchrun.is_connected():  # the flags: rank 0 reads the same
        _await_end()
        return False
    deadline = time.monotonic() + _SAME_S
    with contextlib.suppress(ChildProcessError):  # torchrun has ended
        while time.monotonic() < deadline:
            if _ends():
                _await_end()
                return False
            time.sleep(0.05)
    end(text)
    return True


def speaks_for_first() -> bool:
    """Whether this is the first process to say that rank 0 was killed."""
    return 0 in _gone() and torchrun.next_claim("speaks") == 0


def name_rank(text: str) -> str:
    """An error with the rank that it is of, unless that is rank 0."""
    return text if torchrun.is_first() else f"rank {torchrun.rank()}: {text}"


def leave_error(text: str) -> None:
    """Write an error where torchrun looks for it, so that its page of errors has it."""
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if torchrun.is_started() and file:
        times = {"timestamp": str(int(time.time())), "py_callstack": text}
        with contextlib.suppress(OSError):
            content = {"message": {"message": text, "extraInfo": times}}
            Path(file).write_text(json.dumps(content), encoding="utf-8")


def lost_ranks(error: BaseException) -> str | None:
    """Which processes have ended without a word, as text, if that explains an error; else None.

    Args:
        error: the exception of this process.
    """
    if torchrun.size() == 1 or not torchrun.is_connected():
        return None
    broken = isinstance(error, RuntimeError) and any(mark in str(error) for mark in _LOST)
    if not (broken or isinstance(error, KeyboardInterrupt)):
        return None
    try:
        return _who_is_lost(broken)
    except ChildProcessError as ended:
        return str(ended)


def _who_is_lost(broken: bool) -> str | None:
    deadline = time.monotonic() + (_SAME_S if broken else 0.0)
    while True:
        ended = _ends()
        lost = [rank for rank in _gone() if rank not in ended]
        if lost or ended or time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    if lost:
        which = " and ".join(f"rank {rank}" for rank in lost)
        return f"The process of {which} was killed, as happens where memory is short."
    if ended and broken:
        return ""
    return "Another process has ended." if broken else None


def _process(rank: int) -> str:
    return f"process/{rank}"


def _end(rank: int) -> str:
    return f"end/{rank}"


def _ends() -> list[int]:
    """The ranks that have said that they end."""
    others = (rank for rank in range(torchrun.size()) if rank != torchrun.rank())
    return [rank for rank in others if torchrun.message(_end(rank)) is not None]


def _gone() -> list[int]:
    """The ranks of this machine whose processes have ended."""
    gone = []
    for rank in range(torchrun.size()):
        found = torchrun.message(_process(rank))
        host, _, number = (found or b"").decode().rpartition(" ")
        if found is not None and host == socket.gethostname() and not _is_running(int(number)):
            gone.append(rank)
    return gone


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return False
    except OSError:  # it is of another user, or there is no /proc
        return True
    return state.rpartition(")")[2].split()[0] not in ("Z", "X")


def _is_repeated(text: str) -> bool:
    """Whether rank 0 has ended with the same error before torchrun restarted it."""
    if int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) == 0:
        return False
    before = torchrun.kept_message(_ERROR)
    torchrun.keep_message(_ERROR, text)
    return before == text


def _await_end() -> None:
    """Wait for torchrun to end this process, which it does when another one has ended."""
    sys.stdout.flush()
    deadline = time.monotonic() + _KILLED_S
    while not _signals and time.monotonic() < deadline:
        time.sleep(0.05)
