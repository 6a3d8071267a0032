"""The processes that torchrun started, and the messages that they leave for one another.

torchrun says in the environment which process this is, and runs a store of keys and values for
all of them. The store needs no process group, works for processes that do different things, and
outlives a restart of the processes. It is polled, so that a process that waits can be stopped.
"""

from __future__ import annotations

import os
import pickle
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

__all__ = [
    "agreed",
    "await_message",
    "is_connected",
    "is_first",
    "is_restarted",
    "is_started",
    "keep_message",
    "kept_message",
    "local_rank",
    "local_size",
    "message",
    "next_claim",
    "next_key",
    "nodes",
    "post",
    "rank",
    "rank_0_first",
    "size",
    "starting",
    "starts_again",
    "store",
    "take_turns",
]

T = TypeVar("T")
_CHUNK = 1 << 20  # bytes; the store takes at most 8 MiB at once
_POLL_S = 0.05
_REACHED_S = 30.0  # in which the store of torchrun must answer
_numbers: Counter[str] = Counter()  # how many messages of a kind there were
_turns: list[bool] = []  # not empty if the processes take turns


def is_started() -> bool:
    """Whether torchrun started this process."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()


def _number(name: str, usual: int) -> int:
    return int(os.environ.get(name, usual)) if is_started() else usual


def rank() -> int:
    """The number of this process among all of them, from 0."""
    return _number("RANK", 0)


def size() -> int:
    """The number of processes on all machines; 1 without torchrun."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """The number of this process on its machine, from 0."""
    return _number("LOCAL_RANK", 0)


def local_size() -> int:
    """The number of processes on this machine."""
    return _number("LOCAL_WORLD_SIZE", 1)


def nodes() -> int:
    """The number of machines."""
    return _number("GROUP_WORLD_SIZE", 1)


def starts_again() -> bool:
    """Whether torchrun starts all processes again if one ends now."""
    done, most = (_number(f"TORCHELASTIC_{n}", 0) for n in ("RESTART_COUNT", "MAX_RESTARTS"))
    return done < most


def is_first() -> bool:
    """Whether this process prints and writes: rank 0, and any process without torchrun."""
    return rank() == 0


def starting(program: tuple[str, ...]) -> tuple[str, ...]:
    """The words that start a program in as many processes.

    Args:
        program: the words that start it in one: python and a script, or another command.
    """
    words = ["torchrun", "--nproc-per-node", str(local_size())]
    if nodes() > 1:
        words += ["--nnodes", str(nodes())]
        words += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "HOST:PORT"]
    python = program[0] == "python"
    return (*words, *program[1:]) if python else (*words, "--no-python", *program)


# --- messages -------------------------------------------------------------------------------


@cache
def _base() -> Any:  # noqa: ANN401 - torch is imported late
    from datetime import timedelta

    from torch.distributed.rendezvous import rendezvous

    # The server belongs to torchrun, and keeps its content when the processes start again. It
    # was there first: one that does not answer has been killed.
    found, _, _ = next(iter(rendezvous("env://", timeout=timedelta(seconds=_REACHED_S))))
    found.set_timeout(timedelta(minutes=5))
    return found


def is_connected() -> bool:
    """Whether this process is connected with the others."""
    return _round.cache_info().currsize > 0


@cache
def _round() -> int:
    """The how-manieth start of all processes this is, from 1; returns when all are there.

    torchrun on each machine counts its own restarts, so rank 0 says the number. It answers only
    processes that are alive: each has a name of its own, and repeats what it was told.
    """
    base, here = _base(), "gnnvision/{}/here/{}".format
    if not is_first():
        name = uuid.uuid4().hex
        base.set(f"gnnvision/hello/{rank()}", name)
        while not base.check([f"gnnvision/welcome/{name}"]):
            time.sleep(_POLL_S)
        number = int(base.get(f"gnnvision/welcome/{name}"))
        base.set(here(number, rank()), "")
        return number
    number = int(base.add("gnnvision/rounds", 1))
    missing = set(range(1, size()))
    while missing:
        for other in list(missing):
            if base.check([here(number, other)]):
                missing.remove(other)
            elif base.check([f"gnnvision/hello/{other}"]):
                name = base.get(f"gnnvision/hello/{other}").decode()
                base.set(f"gnnvision/welcome/{name}", str(number))
        time.sleep(_POLL_S / 5)
    return number


def is_restarted() -> bool:
    """Whether torchrun has started all processes again, after one of them ended."""
    return is_started() and _round() > 1


@cache
def store() -> Any:  # noqa: ANN401
    """The store of all processes, `torch.distributed.Store`, which begins empty at a restart."""
    from torch import distributed

    return distributed.PrefixStore(f"gnnvision/{_round()}", _base())  # type: ignore[attr-defined]


@contextmanager
def _talking() -> Iterator[Any]:
    """The store, in a block that says so if torchrun, whose store it is, has ended."""
    try:
        yield store()
    except RuntimeError as error:
        raise ChildProcessError(
            "The processes cannot reach torchrun, which has ended or whose machine is lost. Start "
            "it again with --resume RUN."
        ) from error


def post(key: str, content: bytes) -> None:
    """Leave a message, of any length, for the other processes."""
    pieces = range(0, len(content), _CHUNK)
    with _talking() as place:
        for number, start in enumerate(pieces):
            place.set(f"{key}/{number}", content[start : start + _CHUNK])
        place.set(key, str(len(pieces)))


def message(key: str, *, forget: bool = False) -> bytes | None:
    """The message of this key; None if there is none yet.

    Args:
        key: of the message.
        forget: whether nobody else is going to read it.
    """
    with _talking() as place:
        if not place.check([key]):
            return None
        keys = [f"{key}/{number}" for number in range(int(place.get(key)))]
        content = b"".join(place.get(one) for one in keys)
        for one in [key, *keys] if forget else []:
            place.delete_key(one)
    return content


def await_message(key: str, waiting: Callable[[], object] | None = None) -> bytes:
    """The message of this key, when it is there.

    Args:
        key: of the message.
        waiting: called now and then until then; an error of it ends the waiting.
    """
    while (found := message(key)) is None:
        if waiting is not None:
            waiting()
        time.sleep(_POLL_S)
    return found


def next_claim(key: str) -> int:
    """0 for the first process that asks, 1 for the second, and so on."""
    with _talking() as place:
        return int(place.add(key, 1)) - 1


def keep_message(key: str, content: str) -> None:
    """Leave a short text also for the processes after a restart."""
    _base().set(f"gnnvision/{key}", content)


def kept_message(key: str) -> str | None:
    """The text that `keep_message` left, now or before a restart."""
    key = f"gnnvision/{key}"
    return _base().get(key).decode() if _base().check([key]) else None


# --- who does what --------------------------------------------------------------------------


def agreed(value: T) -> T:
    """What rank 0 gives, in all processes, which must all come here; it is pickled."""
    if size() == 1:
        return value
    key = next_key("agreed")
    if is_first():
        post(key, pickle.dumps(value))
        return value
    found: T = pickle.loads(await_message(key))
    return found


def next_key(kind: str) -> str:
    """The next key of its kind: the same in processes that come to the same places."""
    _numbers[kind] += 1
    return f"{kind}/{_numbers[kind]}"


def take_turns() -> None:
    """Make `rank_0_first` take effect: every process then must come to the same blocks."""
    _turns[:] = [True]


@contextmanager
def rank_0_first() -> Iterator[None]:
    """A block that rank 0 runs first, and the others when it is done, if they take turns."""
    if not _turns or size() == 1:
        yield
        return
    key = next_key("turn")
    if not is_first():
        await_message(key)
        yield
        return
    try:
        yield
    finally:
        post(key, b"")
