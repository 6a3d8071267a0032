"""SIGKILL at random moments of real runs, which are resumed and must end bit-exact.

    python benchmarks/kills.py --kills 200 --workers 2
    python benchmarks/kills.py --kills 8 --only nodes images --seed 3

Each case is the command of a user, with the one that continues it. It runs once undisturbed. Then
it is started again and again, and killed: a third of the kills come at any moment from the start
of the process to its end, a third after the run folder exists, and a third in the second after the
next checkpoint. The victim is the whole job, its first process alone, or one of its workers. At
most four kills later the run is left to finish, and compared with the undisturbed one:

- the weights have the same bytes, and `metrics.csv` too; `result.json` is equal but for times;
- both folders have the same files, so nothing temporary is left;
- no process is left, and no lock that refuses to continue.

A case that ends by itself with an error is a fault, and is printed with its output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = REPOSITORY / "experiments"
MOST_KILLS = 4  # of one run
LIMIT_S = 300.0  # of one process
LEAVE_S = 90.0  # in which all processes of a job must end after its first one
OTHERS = (
    "tmp/torchelastic_",
    "cache/matplotlib/",
)  # what torchrun and matplotlib leave themselves
TIMES = ("seconds", "train_seconds", "data_seconds")
COMPLETE = "which is complete. See"
SAME = (".safetensors", ".csv", ".npy", ".npz")
DIFFERS = ("outcomes.safetensors", "seeds.csv", "steps.csv")  # they hold seconds


@dataclass(frozen=True)
class Case:
    """A job that can be continued.

    Args:
        start: its command, which works below the folder `out` of the current folder.
        resume: the command that continues what is in a folder; `start` again if empty.
        folder: the pattern of that folder; there is one match.
        begun: the pattern of a file that shows that `resume` has something to continue.
        codes: with which it may end after one of its processes was killed.
        saved: the pattern of what it saves from time to time.
    """

    start: tuple[str, ...]
    resume: tuple[str, ...] = ()
    folder: str = "out/*/*"
    begun: str = "out/*/*/config.json"
    codes: tuple[int, ...] = (0, 2)
    saved: str = "out/**/*.safetensors"


def script(name: str, *flags: str, ranks: int = 1) -> Case:
    """The case of a script in `experiments`, which saves often; under torchrun with ranks."""
    launcher = (sys.executable, *TORCHRUN, str(ranks))[: None if ranks > 1 else 1]
    command = (*launcher, str(SCRIPTS / f"{name}.py"))
    often = ("--save-every", "0.1")
    codes = (0, 2) if ranks == 1 else (0, 1, 2)
    start = (*command, *flags, *often, "--out", "out")
    return Case(start, (*command, *often, "--resume"), codes=codes)


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
# A graph of a million edges in a table, which is written once, and then built on disk.
BUILD = """
import pathlib, runpy, sys
import numpy as np
if not pathlib.Path("edges.csv").exists():
    ends = np.random.default_rng(0).integers(0, 200_000, (1_000_000, 2))
    np.savetxt("part.csv", ends, "%d", ",", header="source,target", comments="")
    pathlib.Path("part.csv").rename("edges.csv")
sys.argv = ["gnnvision", "graph", "build", "edges.csv", "out/graph/built", "--features", "degree"]
runpy.run_module("gnnvision", run_name="__main__")
"""
PICTURES = ("--dataset", "digits", "--model", "cifar_cnn", "--batch-size", "32")
CASES: dict[str, Case] = {
    "nodes": script("gcn_cora", "--seeds", "3", "--epochs", "150", "--group", "1"),
    "groups": script("gcn_cora", "--seeds", "6", "--epochs", "120", "--group", "3", "--jobs", "1"),
    "processes": script(
        "gcn_cora", "--seeds", "4", "--epochs", "150", "--group", "1", "--jobs", "2"
    ),
    "images": script(
        "cnn_cifar",
        *PICTURES,
        "--epochs",
        "3",
        "--log",
        "csv",
        "--keep-epochs",
        "--flip",
        "random",
    ),
    "molecules": script(
        "gcn_molecules", "--dataset", "bioactivity", "--seeds", "2", "--epochs", "8", "--jobs", "1"
    ),
    "ranks, seeds": script("gcn_cora", "--seeds", "4", "--epochs", "150", ranks=2),
    "ranks, data": script("cnn_cifar", *PICTURES, "--epochs", "3", ranks=2),
    "graph build": Case(
        (sys.executable, "-c", BUILD),
        begun="out/graph/built/build.json",
        saved="out/graph/built/build.json",
    ),
    "links": script("links_cora", "--dataset", "karate", "--seeds", "2", "--epochs", "150"),
}


class Job:
    """A process with all that it starts, which are known by a word in their environment."""

    def __init__(self, command: Sequence[str], place: Path) -> None:
        environment = os.environ | {
            "XDG_CACHE_HOME": str(place / "cache"),
            "TMPDIR": str(place / "tmp"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(REPOSITORY),
            "KILLS_JOB": (mark := secrets.token_hex(8)),
        }
        self.mark = f"KILLS_JOB={mark}".encode()
        self.output, self.text = tempfile.TemporaryFile(), ""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=place, env=environment, start_new_session=True,
            stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def members(self) -> list[int]:
        """Its processes that have not ended, the first one first."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                is_mine = self.mark in (place / "environ").read_bytes()
                state = (place / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:  # ended in between, or of another user
                continue
            if is_mine and state not in "ZX":
                found.append(int(place.name))
        return sorted(found)

    def ended(self, seconds: float) -> bool:
        """Whether the first process ended by itself within this time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def is_left(self) -> list[int]:
        """The processes that are left after the first one, some time later."""
        deadline = time.monotonic() + LEAVE_S
        while (left := self.members()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def stop(self) -> None:
        """Kill all that are left, and read the end of the output."""
        for number in self.members():
            kill(number)
        self.process.wait()
        with self.output:
            self.output.seek(0)
            self.text = self.output.read().decode(errors="replace")[-1500:]


def kill(number: int) -> None:
    """Kill a process if it still exists."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        pass


def command_of(number: int) -> str:
    """The command line of a process."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return f"{number}, which has ended"
    return words.decode(errors="replace")[:200]


@dataclass
class Tally:
    """What happened in the runs of a case."""

    kills: Counter[str] = field(default_factory=Counter)  # by victim
    moments: Counter[str] = field(default_factory=Counter)  # by what there was
    runs: int = 0
    faults: list[str] = field(default_factory=list)


class Runs:
    """The runs of one case below a folder.

    Args:
        name: of the case.
        case: the case.
        place: an empty folder.
        seed: of the moments.
        say: called with a line on each run.
    """

    def __init__(
        self, name: str, case: Case, place: Path, seed: int, say: Callable[[str], object] = print
    ) -> None:
        self.name, self.case, self.place, self.say = name, case, place, say
        self.random = random.Random(f"{seed} {name}")
        self.tally = Tally()

    def all(self, kills: int) -> Tally:
        """The undisturbed run, and others until this number of kills."""
        whole = self.folder_of("whole")
        job = Job(self.case.start, whole)
        is_done = job.ended(LIMIT_S) and job.process.returncode == 0
        job.stop()
        if not is_done:
            self.tally.faults.append(f"{self.name}: undisturbed: {job.text}")
            return self.tally
        duration, kept = time.monotonic() - job.started, contents(whole, self.case)
        number = 0
        while self.tally.kills.total() < kills and not self.tally.faults:
            number += 1
            place = self.folder_of(str(number))
            most = min(MOST_KILLS, kills - self.tally.kills.total())
            fault = self.disturbed(place, duration, self.random.randint(1, most))
            if not fault:
                fault = difference(kept, contents(place, self.case))
            self.tally.runs += 1
            done = f"{self.name}: {self.tally.kills.total()} of {kills} kills, {number} runs"
            self.say(f"{done}: {fault.splitlines()[0] if fault else 'equal'}")
            if fault:
                self.tally.faults.append(f"{self.name}, run {number} in {place}: {fault}")
            else:
                shutil.rmtree(place)
        return self.tally

    def folder_of(self, name: str) -> Path:
        """A new folder for a run."""
        place = self.place / name
        (place / "tmp").mkdir(parents=True)
        return place

    def disturbed(self, place: Path, duration: float, kills: int) -> str:
        """Start a run, kill it so often, and let it finish; returns what went wrong."""
        killed = 0
        while True:
            is_begun = any(place.glob(self.case.begun))
            command = self.case.start
            if is_begun and self.case.resume:
                (folder,) = place.glob(self.case.folder)
                command = (*self.case.resume, str(folder.relative_to(place)))
            job = Job(command, place)
            ended, victim = False, ""
            if killed < kills:
                ended, victim = self.disturb(job, place, duration)
            ended = job.ended(LIMIT_S)
            left = [command_of(number) for number in job.is_left()]
            job.stop()
            if not ended:
                return f"not ended within {LIMIT_S:.0f} s: {job.text}"
            if left:
                return f"processes were left after {victim or 'the end'}: {'; '.join(left)}"
            complete = COMPLETE in job.text  # killed at its very end
            if not victim and (job.process.returncode == 0 or (complete and is_begun)):
                return ""
            code, is_strange = job.process.returncode, "Traceback" in job.text
            if not victim or (victim == "a worker" and code not in self.case.codes):
                return f"code {code} of {' '.join(command)}: {job.text}"
            if is_strange and self.case.codes == Case.codes:  # torchrun shows its own
                return f"after the kill of {victim}: {job.text}"
            killed += bool(victim)
            if job.process.returncode == 0:  # the worker had nothing to do any more
                return ""

    def disturb(self, job: Job, place: Path, duration: float) -> tuple[bool, str]:
        """Kill something at a random moment: whether the job had ended before, and what."""
        waits, when = duration, self.random.randrange(3)
        if when:  # in the training and the writing
            since, pattern = time.time(), (self.case.begun, self.case.saved)[when - 1]
            while not is_there(place, pattern, since * (when - 1)) and not job.ended(0.01):
                pass
            waits = max(duration - (time.monotonic() - job.started), 1.0) if when == 1 else 1.0
        if job.ended(self.random.uniform(0, waits)):
            return True, ""
        members = job.members()
        kind = self.random.choice(["all", "first", "worker"])
        workers = [number for number in members if number != job.process.pid]
        if kind == "worker" and workers:
            victim, chosen = "a worker", [self.random.choice(workers)]
        elif kind == "first":
            victim, chosen = "the first process", [job.process.pid]
        else:
            victim, chosen = "all processes", members
        for number in chosen:
            kill(number)
        self.tally.kills[victim] += 1
        self.tally.moments[moment(place, self.case)] += 1
        return False, victim


def is_there(place: Path, pattern: str, since: float) -> bool:
    """Whether there is such a file, written since then."""
    for path in place.glob(pattern):
        try:
            if path.stat().st_mtime >= since:
                return True
        except FileNotFoundError:  # replaced in between
            continue
    return False


def moment(place: Path, case: Case) -> str:
    """What there was when the process was killed."""
    if not any(place.glob(case.begun)):
        return "before the run folder"
    if any(place.glob(f"{case.folder}/result.json")):
        return "after the result"
    if any(place.glob(f"{case.folder}/**/last.safetensors")):
        return "after a checkpoint"
    return "before a checkpoint"


def contents(place: Path, case: Case) -> dict[str, str]:
    """The files that a run left, with a hash of those that are equal each time."""
    (folder,) = place.glob(case.folder)
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        inside = path.is_relative_to(folder)
        if inside:
            name = f"RUN/{path.relative_to(folder)}"
        if path.is_file() and not name.startswith(OTHERS):
            equal = inside and path.suffix in SAME and path.name not in DIFFERS
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if equal else ""
        if inside and path.name == "result.json":
            found[name] = json.dumps(without_times(json.loads(path.read_text())), sort_keys=True)
    return found


def without_times(value: object) -> object:
    """JSON without the entries that are seconds."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def difference(whole: dict[str, str], other: dict[str, str]) -> str:
    """In what two runs differ, as a sentence; empty if they are equal."""
    more, less = other.keys() - whole.keys(), whole.keys() - other.keys()
    changed = [name for name in whole.keys() & other.keys() if whole[name] != other[name]]
    parts = {"left behind": more, "missing": less, "changed": changed}
    return "; ".join(f"{what}: {', '.join(sorted(n))}" for what, n in parts.items() if n)


def main() -> None:
    """Run the cases, print a table, and end with code 1 after a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="in all")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="cases at the same time")
    flags = parser.parse_args()
    started = time.monotonic()
    shares = [flags.kills // len(flags.only)] * len(flags.only)
    for index in range(flags.kills % len(flags.only)):
        shares[index] += 1
    place = Path(tempfile.mkdtemp(prefix="kills-"))
    with ThreadPoolExecutor(flags.workers) as pool:
        say = partial(print, file=sys.stderr, flush=True)
        runs = [Runs(name, CASES[name], place / name, flags.seed, say) for name in flags.only]
        tallies = list(pool.map(Runs.all, runs, shares))
    print(f"{'case':12}{'kills':>7}{'runs':>6}{'faults':>8}  victims; moments")
    for name, tally in zip(flags.only, tallies, strict=True):
        counts = "; ".join(
            ", ".join(f"{what} {count}" for what, count in sorted(kinds.items()))
            for kinds in (tally.kills, tally.moments)
        )
        print(f"{name:12}{tally.kills.total():>7}{tally.runs:>6}{len(tally.faults):>8}  {counts}")
    faults = [fault for tally in tallies for fault in tally.faults]
    total = sum(tally.kills.total() for tally in tallies)
    print(f"{total} kills in {time.monotonic() - started:.0f} s, {len(faults)} faults")
    print(*faults, sep="\n")
    if not faults:
        shutil.rmtree(place)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
