"""Changed and made-up inputs for every door of gnnvision that reads bytes from outside.

    python benchmarks/fuzz.py --inputs 1_000_000 --workers 2
    python benchmarks/fuzz.py --inputs 5000 --only PNG zip --seed 7
    python benchmarks/fuzz.py --again zip 1234 --seed 7       one input, in this process

Each input is made from the seed, the name of the door and a number: a valid sample in which bytes,
words, fields, chunks or members are changed, where possible with valid checksums, so that the
change gets past the first check. It must lead to a value, or to an exception that gnnvision
itself raises (ValueError, TypeError, OSError or a class derived from these): in bounded time and
memory, without a file outside its folder, another process or a connection. Inputs are read in
child processes with limits, so that a crash or a hang is found and counted; one input of each kind
of finding is kept with its traceback.
"""

from __future__ import annotations

import argparse
import faulthandler
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import fuzz_own  # noqa: F401 - these add their doors
import fuzz_packed  # noqa: F401
import fuzz_runs  # noqa: F401
from fuzz_door import DOORS, Door

import gnnvision

CHUNK = 2000  # inputs that one child process reads
LIMIT_S = 20.0  # of one input, which is at most some hundred kilobytes
MEMORY = 3 * 2**30  # bytes of address space for one child process, beyond what it has
PACKAGE = str(Path(gnnvision.__file__).parent)
ALLOWED = (ValueError, TypeError, OSError)
SHARED = struct.Struct("<qd")  # the number of the input, and when it began
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REFUSED = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "os.fork",
    "os.forkpty", "socket.connect", "socket.bind", "ctypes.dlopen", "os.putenv", "os.kill",
)  # fmt: skip
CHANGES = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "os.chmod", "os.chown",
)  # fmt: skip


@dataclass
class Count:
    """What the inputs of a door led to."""

    inputs: int = 0
    values: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    peak: float = 0.0  # MiB that a child process grew by
    findings: list[tuple[int, str]] = field(default_factory=list)  # number, and what happened


class _Watch:
    """An audit hook that notes what reading an input must not do."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = str(folder), list[str]()
        sys.addaudithook(self)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            if isinstance(flags, int) and flags & WRITES:
                self.check(event, path)
        elif event in CHANGES:
            for path in given[:2]:
                self.check(event, path)
        elif event in REFUSED:
            self.seen.append(f"{event} {given!r:.200}")

    def check(self, event: str, path: object) -> None:
        if isinstance(path, (str, bytes, os.PathLike)):
            place = os.path.abspath(os.fsdecode(path))
            if not place.startswith(self.folder) and place != os.devnull:
                self.seen.append(f"{event} of {place}")


def fault_of(door: Door, data: bytes, place: Path, watch: _Watch | None) -> tuple[str, bool]:
    """What an input led to that it must not; and whether it led to a value."""
    place.mkdir()
    found, value = "", False
    try:
        door.read(data, place)
        value = True
    except ALLOWED as error:
        found = undocumented(error)
    except BaseException:
        found = traceback.format_exc()
    if watch is not None and watch.seen:
        found = f"it did {'; '.join(watch.seen)}\n{found}"
    shutil.rmtree(place, ignore_errors=True)
    if watch is not None:
        watch.seen.clear()
    return found, value


def undocumented(error: BaseException) -> str:
    """The traceback of an exception that gnnvision did not raise itself, else nothing."""
    frames = traceback.extract_tb(error.__traceback__)
    if frames and frames[-1].filename.startswith(PACKAGE):
        return ""
    return "".join(traceback.format_exception(error))


def read_many(door: Door, seed: int, first: int, last: int, shared: mmap.mmap, pipe: int) -> None:
    """In a child process: read inputs, and write what is found to a pipe."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    os.environ |= {"XDG_CACHE_HOME": str(place / "cache"), "TMPDIR": str(place)}
    tempfile.tempdir = None
    warnings.simplefilter("ignore")
    faulthandler.disable()  # the parent reports what kills this process
    started = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (started + MEMORY, started + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watch, count = _Watch(place), Count()
    with os.fdopen(pipe, "w", buffering=1) as out:
        for number in range(first, last):
            data = door.make(seed, number)
            now = time.monotonic()
            shared[: SHARED.size] = SHARED.pack(number, now)
            found, value = fault_of(door, data, place / "in", watch)
            count.slowest = max(count.slowest, time.monotonic() - now)
            count.values += value
            if found:
                out.write(f"{number} {found!r}\n")
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        out.write(f"end {count.values} {count.slowest} {peak}\n")
    shutil.rmtree(place, ignore_errors=True)
    os._exit(0)


def run_chunk(door: Door, seed: int, first: int, last: int) -> Count:
    """Read inputs in child processes, another one after each that ends early."""
    count, started = Count(), time.monotonic()
    while first < last:
        shared = mmap.mmap(-1, SHARED.size)
        shared[:] = SHARED.pack(first, time.monotonic())
        source, pipe = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(source)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                read_many(door, seed, first, last, shared, pipe)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        os.close(pipe)
        how, text = _follow(child, source, shared)
        number, _ = SHARED.unpack(shared[:])
        for line in text.splitlines():
            head, _, rest = line.partition(" ")
            if head == "end":
                values, slowest, peak = map(float, rest.split())
                count.values += int(values)
                count.slowest, count.peak = max(count.slowest, slowest), max(count.peak, peak)
            elif head.isdigit():
                count.findings.append((int(head), str(eval(rest))))  # our own repr of a text
        reached = last if not how else number + 1
        if how:
            count.findings.append((number, how))
        count.inputs += reached - first
        first = reached
    count.seconds = time.monotonic() - started
    return count


def _follow(child: int, source: int, shared: mmap.mmap) -> tuple[str, str]:
    """Wait for a child process: how it failed, "" if it did not, and what it wrote."""
    text, how = bytearray(), ""
    os.set_blocking(source, False)
    while True:
        try:
            text += os.read(source, 1 << 16)
        except BlockingIOError:
            pass
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            how = how or (f"the process ended with code {code}" if code else "")
            break
        _, since = SHARED.unpack(shared[:])
        if not how and time.monotonic() - since > LIMIT_S:
            how = f"not read within {LIMIT_S:.0f} s"
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    os.set_blocking(source, True)
    while part := os.read(source, 1 << 16):
        text += part
    os.close(source)
    return how, text.decode(errors="replace")


def chunks_of(doors: Sequence[Door], inputs: int) -> list[tuple[Door, int, int]]:
    """Which inputs each child process reads; the shares of the doors add up to all inputs."""
    total, out, given = sum(door.share for door in doors), [], 0
    for place, door in enumerate(doors):
        count = inputs - given if place == len(doors) - 1 else inputs * door.share // total
        given += count
        out += [(door, i, min(i + CHUNK, count)) for i in range(0, count, CHUNK)]
    return out


def keep(folder: Path, door: Door, seed: int, findings: Sequence[tuple[int, str]]) -> int:
    """Write one input of each kind of finding with its traceback; the number of kinds."""
    kinds: Counter[str] = Counter()
    for number, what in findings:
        lines = what.strip().splitlines()
        frames = [line.strip() for line in lines if line.startswith("  File")]
        kind = f"{lines[-1].split(':')[0]} {frames[-1] if frames else lines[0]}"
        kinds[kind] += 1
        if kinds[kind] == 1:
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{door.name.replace(' ', '_')}-{seed}-{number}"
            (folder / f"{name}.bin").write_bytes(door.make(seed, number))
            (folder / f"{name}.txt").write_text(what)
    for kind, times in kinds.most_common():
        print(f"    {times} x {kind}")
    return len(kinds)


def fuzz(names: Sequence[str], inputs: int, seed: int, workers: int, folder: Path) -> int:
    """Read inputs, print a table, and return the number of findings."""
    doors = [DOORS[name] for name in names]
    for door in doors:
        door.make(seed, 0)  # its samples and imports, once for all child processes
        fault_of(door, door.make(seed, 0), Path(tempfile.mkdtemp(), "in"), None)
    started, counts = time.monotonic(), {door.name: Count() for door in doors}
    work = chunks_of(doors, inputs)
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(lambda job: run_chunk(job[0], seed, job[1], job[2]), work)
        for (door, _, _), part in zip(work, done, strict=True):
            held = counts[door.name]
            held.inputs += part.inputs
            held.values += part.values
            held.seconds += part.seconds
            held.slowest = max(held.slowest, part.slowest)
            held.peak = max(held.peak, part.peak)
            held.findings += part.findings
    print(
        f"{'door':18}{'inputs':>9}{'read':>9}{'ms each':>9}{'slowest s':>11}{'MiB':>7}  findings"
    )
    for door in doors:
        c = counts[door.name]
        each = 1000 * c.seconds / max(c.inputs, 1)
        print(f"{door.name:18}{c.inputs:>9,}{c.values:>9,}{each:>9.2f}{c.slowest:>11.2f}"
              f"{c.peak:>7.0f}  {len(c.findings)}")  # fmt: skip
        keep(folder, door, seed, c.findings)
    total, found = (
        sum(c.inputs for c in counts.values()),
        sum(len(c.findings) for c in counts.values()),
    )
    seconds = time.monotonic() - started
    print(
        f"{total:,} inputs at {len(doors)} doors, seed {seed}, {seconds:.0f} s: {found} findings"
    )
    return found


def main(words: Sequence[str] | None = None) -> None:
    """Read the flags, and end with code 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all")
    parser.add_argument("--only", nargs="+", choices=DOORS, default=list(DOORS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"), help="where findings go")
    parser.add_argument("--again", nargs=2, metavar=("DOOR", "NUMBER"), help="read one input here")
    flags = parser.parse_args(words)
    if flags.again is not None:
        door, number = DOORS[flags.again[0]], int(flags.again[1])
        print(door.read(door.make(flags.seed, number), Path(tempfile.mkdtemp())))
        return
    sys.exit(bool(fuzz(flags.only, flags.inputs, flags.seed, flags.workers, flags.out)))


if __name__ == "__main__":
    main()
