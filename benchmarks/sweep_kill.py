"""A sweep on two processes of which one is killed: every trial has one result, nothing is lost.

python benchmarks/sweep_kill.py            40 trials; SIGKILL in the middle of a trial
python benchmarks/sweep_kill.py --memory   memory after each tenth of 40 trials in one process

The killed process has finished some trials and is in the middle of one. The other process takes
that trial over from its last checkpoint. Then the journal of Optuna has each number once, and the
trial that was taken over has the same scores as a training that was never stopped.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import gnnvision as gv

DATA, STUDY = "stdlib", "kill"
VARY = ("lr=1e-3..1e-1", "hidden=16,32,64", "dropout=0..0.8")
AFTER = 5  # trials of the process that is killed then


def command(out, trials, epochs):
    """The command that both processes are started with."""
    words = (
        f"-m gnnvision sweep {DATA} --trials {trials} --seeds 3 --epochs {epochs} --jobs 1"
        f" --group 1 --save-every 0 --study {STUDY} --out {out} --vary"
    )
    return [sys.executable, *words.split(), *VARY]


def begun_by(folder, pid):
    """The trials that a process has claimed, and the last claim of each."""
    for claim in sorted(folder.glob("trials/*/claim-*.json")):
        try:
            held = json.loads(claim.read_text())
        except (OSError, ValueError):
            continue
        if held["pid"] == pid:
            yield claim.parent, held


def wait_until_in_a_trial(folder, process):
    """Wait until a process is in the second seed of a trial, and return the trial's folder."""
    while process.poll() is None:
        begun = list(begun_by(folder, process.pid))
        for place, held in begun:
            checkpoint = place / "checkpoints" / "last.safetensors"
            if len(begun) > AFTER and not held.get("released") and checkpoint.exists():
                if seeds_done(checkpoint):
                    return place
        time.sleep(0.005)
    raise SystemExit("The process ended before it could be killed.")


def seeds_done(checkpoint):
    """How many seeds of a trial are in its checkpoint; 0 while that is being replaced."""
    from gnnvision.training.checkpoint import read_checkpoint

    try:
        return len(read_checkpoint(checkpoint).state["done"])
    except (OSError, ValueError):
        return 0


def journal(folder):
    """The trials of the journal as Optuna reads them, without gnnvision."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "journal.log"))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name="sweep", storage=storage).trials


def without_a_stop(settings, epochs):
    """The validation scores of settings that are trained in one go."""
    words = [f"{name}={value}" for name, value in settings.items()]
    with tempfile.TemporaryDirectory() as out:
        flags = f"train {DATA} --seeds 3 --epochs {epochs} --jobs 1 --group 1 --out {out} --set"
        subprocess.run(
            [sys.executable, "-m", "gnnvision", *flags.split(), *words], check=True,
            capture_output=True,
        )  # fmt: skip
        (result,) = Path(out).glob("train/*/result.json")
        return json.loads(result.read_text())["metrics"]["val"]["accuracy"]["values"]


def kill(trials, epochs):
    """Run the sweep, kill one process, and print the proof."""
    with tempfile.TemporaryDirectory() as out, ExitStack() as stack:
        folder, logs = Path(out) / "sweep" / STUDY, [Path(out) / "a.log", Path(out) / "b.log"]
        started = time.perf_counter()
        both = []
        for log in logs:
            with log.open("wb") as file:
                words = command(out, trials, epochs)
                both.append(subprocess.Popen(words, stdout=file, stderr=file))
            stack.callback(both[-1].kill)
        place = wait_until_in_a_trial(folder, both[0])
        os.kill(both[0].pid, signal.SIGKILL)
        both[0].wait()
        finished = len(journal(folder))
        print(f"process 1 is killed within trial {place.name}; {finished} trials are finished")
        if both[1].wait():
            raise SystemExit(logs[1].read_text())
        seconds = time.perf_counter() - started
        found = journal(folder)
        numbers = Counter(trial.user_attrs["number"] for trial in found)
        states = Counter(trial.state.name for trial in found)
        claims = {p.name: len(list(p.glob("claim-*.json"))) for p in folder.glob("trials/*")}
        again = [name for name, count in claims.items() if count > 1]
        print(f"{len(found)} trials in Optuna's journal ({dict(states)}), {seconds:.0f} s")
        print(f"numbers 0 to {trials - 1}, each once: {numbers == Counter(range(trials))}")
        print(f"taken over by process 2: trial {', '.join(again)}")
        last = next(t for t in found if t.user_attrs["number"] == int(place.name))
        resumed = json.loads((place / "claim-1.json").read_text())["progress"] is not None
        print(f"resumed from its checkpoint: {resumed}")
        scores = without_a_stop(last.params, epochs)
        print(
            f"scores of a training without a stop are equal: {scores == last.user_attrs['scores']}"
        )
        print("best of" + logs[1].read_text().partition("best of")[2].splitlines()[0])
        if numbers != Counter(range(trials)) or again != [place.name] or not resumed:
            raise SystemExit("FAILED")


def memory(trials, epochs):
    """Print the memory of a process after each tenth of its trials."""
    task = gv.data.load(DATA)
    used = []

    def build(settings):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        used.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        sizes = task.in_channels, settings["hidden"], task.num_classes
        return gv.models.gcn(*sizes), gv.Recipe(epochs=epochs, lr=settings["lr"])

    with tempfile.TemporaryDirectory() as out:
        space = {"lr": "1e-3..1e-1", "hidden": "16,32,64"}
        gv.sweep(build, task, space, folder=out, trials=trials, seeds=3, progress=False)
    for number in sorted({*range(0, trials, max(trials // 10, 1)), trials - 1}):
        print(f"before trial {number:3d}: {used[number]:.0f} MiB")


def main():
    """Read the flags, and do one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--memory", action="store_true")
    flags = parser.parse_args()
    (memory if flags.memory else kill)(flags.trials, flags.epochs)


if __name__ == "__main__":
    main()
