"""Claims: several processes and machines share work through files in one folder.

A process claims a piece of work by creating a file, which only one process can do, and writes to
it every few seconds. Where that stops, as after SIGKILL, another process takes the work over by
creating the next file. No lock is held, so none can be left behind, and no clocks are compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Claim", "Claims"]

BEAT_S = 5.0  # seconds between two signs of life
SILENT_S = 90.0  # seconds without one after which a process elsewhere counts as ended
_FILE = "claim-{}.json"


class Claim:
    """The right to do a piece of work, until the block ends or the process does.

    Args:
        place: the folder of the work.
        number: how many processes have had it before.
        progress: what shows how far the work was when it was claimed.
    """

    def __init__(self, place: Path, number: int, progress: object) -> None:
        self.place, self.number = place, number
        self._about: dict[str, Any] = {**_this_process(), "beat": 0, "progress": progress}
        self._file = place / _FILE.format(number)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._about["released"] = True
        self._write()

    def is_held(self) -> bool:
        """Whether no other process has taken the work over, as after a computer slept."""
        return not (self.place / _FILE.format(self.number + 1)).exists()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            self._about["beat"] += 1
            self._write()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the training
            # Of growing length, so that the whole file is replaced; readers know a part of one.
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT)
            try:
                os.write(handle, json.dumps(self._about).encode())
            finally:
                os.close(handle)


class Claims:
    """The claims of a process on the pieces of some work."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[bytes, float]] = {}  # content, and when it was first seen

    def take(self, place: Path, progress: object = None) -> Claim | None:
        """Claim a piece of work; None if another process has it.

        Args:
            place: its folder, which is made.
            progress: what shows how far the work is, for JSON.
        """
        place.mkdir(parents=True, exist_ok=True)
        number = 0
        while (file := place / _FILE.format(number)).exists():
            number += 1
        if number and not self._is_over(place / _FILE.format(number - 1)):
            return None
        try:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return None
        return Claim(place, number, progress)

    def deaths(self, claim: Claim) -> int:
        """How many processes ended in a row at this work, without any progress.

        Args:
            claim: on the work.
        """
        count = 0
        for number in reversed(range(claim.number)):
            held = _read(claim.place / _FILE.format(number))[1]
            if held.get("released") or held.get("progress") != claim._about["progress"]:
                break
            count += 1
        return count

    def holder(self, place: Path) -> str:
        """The machine and the process that have a piece of work, as text."""
        number = 0
        while (place / _FILE.format(number + 1)).exists():
            number += 1
        held = _read(place / _FILE.format(number))[1]
        return f"process {held['pid']} on {held['host']}" if "pid" in held else "another process"

    def _is_over(self, file: Path) -> bool:
        content, held = _read(file)
        if held.get("released"):
            return True
        if held and held.get("machine") == _machine():
            return _started(held["pid"]) != held.get("started")
        seen, now = self._seen.get(file), time.monotonic()
        if seen is None or seen[0] != content:
            self._seen[file] = (content, now)
            return False
        return now - seen[1] > SILENT_S


def _read(file: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        content = file.read_bytes()
        held = json.loads(content)
    except (OSError, ValueError):
        return b"", {}
    return content, held if isinstance(held, dict) and "pid" in held else {}


def _this_process() -> dict[str, Any]:
    pid = os.getpid()
    about = {"host": socket.gethostname(), "pid": pid, "started": _started(pid)}
    return about | {"machine": _machine()}


def _machine() -> str:
    """What a process must share with this one for its number to mean the same; or empty."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {os.getpid()}"


def _started(pid: int) -> str | None:
    """When a process of this machine began, in ticks since it was booted; None if it has ended."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else rest[18]
