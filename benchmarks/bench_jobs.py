"""The jobs of `make bench`: each takes its programs from a script and makes rows.

Ours and its peers run in turn in one process. The jobs decide nothing but which programs are
compared, how often, and what is aimed at.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench_rows import ABSENT, FAILED, Row, compare
from timing import in_turn, quiet

HERE = Path(__file__).resolve().parent
EXPERIMENTS = HERE.parent / "experiments"
JAX_SEEDS = 10  # more take as long, seed by seed, as they run in groups
IMAGES = 2560  # in a pass of the job "images"


@dataclass(frozen=True)
class Options:
    """What a job is told.

    Args:
        quick: whether fewer rounds are enough.
        bounds: of the machine, with all threads; see bounds.py.
        jax: the Python of an environment with JAX, or None.
        chemprop: the command of an environment with Chemprop, or None.
    """

    quick: bool = False
    bounds: dict[str, float] = field(default_factory=dict)
    jax: Path | None = None
    chemprop: Path | None = None

    def rounds(self, full: int) -> int:
        """The number of rounds: `full`, or a few."""
        return min(full, 3) if self.quick else full


@dataclass(frozen=True)
class Job:
    """A job.

    Args:
        rows: makes the rows; runs in a separate process.
        limit: seconds after which it is stopped.
        threads: how many it uses; 0 for all.
        long: whether it runs with `--long` only.
        command: the command that runs it alone.
    """

    rows: Callable[[Options], Iterator[Row]]
    limit: float
    command: str
    threads: int = 0
    long: bool = False


def cora(options: Options) -> Iterator[Row]:
    """One, ten and a hundred seeds, and a training step alone."""
    from cora import BEST, GROUP, JAX, OURS, PEER, JaxTraining, programs, steps_alone

    import gnnvision as gv

    counts = {1: "one seed", 10: "ten seeds, per seed", 100: "a hundred seeds, per seed"}
    aims = {(1, PEER): 75, (10, PEER): 150, (100, PEER): 200, (1, BEST): 35, (100, JAX): 1}
    training = None
    with quiet():
        peers = programs("cpu")
        preparing = {BEST: peers.preparing[BEST]}
        calls = {name: peers.calls[name] for name in (PEER, BEST)}
        for seeds in counts:
            calls[f"{OURS} {seeds}"] = programs("cpu", seeds, peers=()).calls[OURS]
        if options.jax is not None:
            training = JaxTraining(options.jax, gv.data.load("cora"), JAX_SEEDS, GROUP)
            preparing[JAX], calls[JAX] = training.compile_seconds, training.run
        calls[f"{OURS} 1"]()  # warm; the peers are, by two epochs
        seconds = in_turn(calls, options.rounds(5), warm=0)
    if training is not None:
        training.close()
        seconds[JAX] = [value / JAX_SEEDS for value in seconds[JAX]]
    for seeds, words in counts.items():
        ours = [value / seeds for value in seconds[f"{OURS} {seeds}"]]
        for peer in (PEER, BEST) if seeds == 1 else (PEER, BEST, JAX):
            aim = aims.get((seeds, peer))
            row = Row("cora", f"Cora, {words}", peer, aim=aim, threads=_threads())
            if peer in seconds:
                note = (
                    f"{preparing[peer]:.0f} s to compile not counted" if peer in preparing else ""
                )
                yield compare(replace(row, note=note), ours, seconds[peer])
            else:
                yield _absent(row, compare(row, ours, []))
    with quiet():
        steps = steps_alone("cpu")
        found: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(options.rounds(5)):
            for name, program in steps.items():
                found[name].append(program())
    title = "Cora, a training step alone"
    for peer in (PEER, BEST):
        row = Row("cora", title, peer, unit="ms", threads=_threads())
        yield compare(row, found[OURS], found[peer], 1e-3)


def layer(
    name: str, form: str, aims: dict[str, float], memory: float | None = None
) -> Callable[..., Any]:
    """The job of a large layer.

    Args:
        name: of the layer, as layers.py calls it.
        form: the form of the peer that the aims are for.
        aims: the ratio in each dtype.
        memory: the ratio of memory that is aimed at; None if memory is not measured.
    """

    def rows(options: Options) -> Iterator[Row]:
        import layers

        best = f"torch-geometric, {form}"
        for dtype, wanted in aims.items():
            with quiet():
                calls = layers.programs(name, "cpu", dtype=dtype)
                ours, *peers = calls
                # The peer has no sparse product in bfloat16: its float32 is what it offers.
                if dtype != "float32":
                    whole = layers.programs(name, "cpu")
                    calls = {ours: calls[ours], best: whole[best]}
                    peers = [best]
                seconds = in_turn(calls, options.rounds(7))
            for peer in peers:
                note = "the peer in float32" if dtype != "float32" else ""
                row = Row(
                    name, _layer_title(name, dtype), peer, unit="ms", threads=_threads(),
                    aim=wanted if peer == best else None, note=note,
                    bound=_layer_bound(name, dtype, options.bounds),
                )  # fmt: skip
                yield compare(row, seconds[ours], seconds[peer], 1e-3)
            del calls
        if memory is not None:
            yield from _memory(name, ours, best, memory)

    return rows


LAYER_WORDS = {
    "gcn": "GCN", "gatv2": "GATv2, 8 heads of 16", "sage": "SAGE", "gin": "GIN",
    "cheb": "Cheb, 3 operators", "rgcn": "RGCN, 4 relations",
}  # fmt: skip
# Rows gathered for each edge, and matrix products over all nodes, forward and backward together.
# Attention reads a row in the forward pass, and three in the backward pass.
PASSES = {
    "gcn": (2, 3), "gatv2": (4, 6), "sage": (2, 6), "gin": (2, 3), "cheb": (4, 9), "rgcn": (2, 15),
}  # fmt: skip


def _layer_title(name: str, dtype: str) -> str:
    kind, comma, settings = LAYER_WORDS[name].partition(", ")
    half = ", bfloat16" if dtype == "bfloat16" else ""
    return f"{kind} layer{comma}{settings}, large graph{half}"


def _layer_bound(name: str, dtype: str, bounds: dict[str, float]) -> float | None:
    import layers
    from bounds import layer_bound

    if not bounds:
        return None
    gathers, products = PASSES[name]
    edges = gathers * layers.EDGES
    found = layer_bound(bounds, edges, products * layers.NODES, layers.CHANNELS, dtype)
    return found * 1e3


def _memory(name: str, ours: str, peer: str, aim: float) -> Iterator[Row]:
    peaks = []
    for form in (ours, peer):
        command = [sys.executable, str(HERE / "layers.py"), "--layer", name, "--only", form]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(float(done.stdout.splitlines()[-1]))
    title = _layer_title(name, "float32") + ", memory"
    row = Row(name, title, peer, unit="MiB", aim=aim, threads=_threads())
    yield compare(row, peaks[:1], peaks[1:])


def small(options: Options) -> Iterator[Row]:
    """One layer on a batch of molecules, with one thread."""
    import layers

    for name in ("gcn", "sage", "gin", "gatv2"):
        with quiet():
            calls = layers.programs(name, **layers.SMALL)
            ours, *peers = calls
            seconds = in_turn(_repeated(calls, 50), options.rounds(15), warm=2)
        title = f"{LAYER_WORDS[name].split(',')[0]} layer, molecule batch"
        for peer in peers:
            aim = 2 if peer == layers.LIST else None
            row = Row("small", title, peer, unit="ms", aim=aim)
            yield compare(row, seconds[ours], seconds[peer], 50e-3)


def _repeated(
    calls: dict[str, Callable[[], object]], times: int
) -> dict[str, Callable[[], object]]:
    def repeat(call: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(times):
                call()

        return run

    return {name: repeat(call) for name, call in calls.items()}


def molecules(options: Options) -> Iterator[Row]:
    """Featurization, collation and a training epoch, with one thread."""
    from molecules import collation, featurizing, peer_loader, training

    import gnnvision as gv

    with quiet():
        task = gv.data.load("esol")
        loader = peer_loader(task)
        count = len(task.split.train)
        smiles = [task.smiles[row] for row in task.split.train]
        jobs = {
            "featurization": featurizing(smiles),
            "collation of batches": collation(task, loader),
            "training epoch": training(task, loader, 128),
        }
    aims = dict(zip(jobs, (None, None, 2.5), strict=True))
    for title, calls in jobs.items():
        with quiet():
            seconds = in_turn(calls, options.rounds(9), warm=2)
        ours = seconds["gnnvision"]
        floor = next((v for name, v in seconds.items() if name.startswith("rdkit")), None)
        bound = None if floor is None else count / statistics.median(floor)
        for peer, theirs in seconds.items():
            if peer.startswith("torch-geometric"):
                row = Row("molecules", title, peer, "molecules/s", bound=bound, aim=aims[title])
                yield compare(row, ours, theirs, items=count)


def images(options: Options) -> Iterator[Row]:
    """Training throughput on CIFAR-10's JPEG files."""
    from bounds import PEAK
    from images import BATCH, OURS, STANDARD, programs, unpack

    import gnnvision as gv

    archive = gv.data.data_root() / "cifar10-images.tar.gz"
    row = Row(
        "images", "CIFAR-10, training throughput", STANDARD, "images/s", aim=3, threads=_threads()
    )
    if not archive.is_file():
        yield replace(row, outcome=ABSENT, note=f"{archive.name} is not in the data root")
        return
    with quiet(), tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder), IMAGES + 10 * BATCH)
        found = programs(gv.data.load(archive), Path(folder), count=IMAGES)
        calls = {name: found.calls[name] for name in (OURS, STANDARD)}
        seconds = in_turn(calls, options.rounds(5))
    macs = gv.summary(gv.models.vgg_like(), gv.Grid((32, 32)), channels=3).total_macs
    rate = options.bounds.get(PEAK.format(found.run.precision))
    bound = None if rate is None else rate * 1e9 / (6 * macs)
    each = {name: [s / found.images[name] for s in values] for name, values in seconds.items()}
    yield compare(replace(row, bound=bound), each[OURS], each[STANDARD], items=1)


def start(options: Options) -> Iterator[Row]:
    """Importing the package, and a run from its command to its page."""
    python = [sys.executable, "-c"]
    imports = {
        "gnnvision": [*python, "import gnnvision"],
        "torch-geometric": [*python, "import torch_geometric"],
        "python": [*python, "pass"],
    }
    seconds = in_turn({n: _command(c) for n, c in imports.items()}, options.rounds(7))
    row = Row("start", "import", "torch-geometric", bound=statistics.median(seconds["python"]))
    yield compare(row, seconds["gnnvision"], seconds["torch-geometric"])
    with tempfile.TemporaryDirectory() as folder:
        script = [sys.executable, str(EXPERIMENTS / "gcn_cora.py"), "--seeds", "10"]
        page = in_turn({"page": _command([*script, "--out", folder])}, options.rounds(3), warm=0)
    floor = in_turn({"torch": _command([*python, "import torch"])}, 3)["torch"]
    row = Row(
        "start", "gcn_cora.py, ten seeds, from command to page",
        bound=statistics.median(floor), threads=_threads(), note="the bound: importing torch",
    )  # fmt: skip
    yield compare(row, page["page"], [])


def _command(command: Sequence[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True)


def esol(options: Options) -> Iterator[Row]:
    """Training on ESOL from the command to the page, compared with Chemprop."""
    from molecules import compare_with_chemprop

    row = Row("esol", "ESOL, one run to the page", "Chemprop 2.3.1", aim=5, threads=_threads())
    if options.chemprop is None:
        yield _absent(row)
        return
    os.environ["OMP_NUM_THREADS"] = str(_threads())
    with quiet():
        seconds, rmse = compare_with_chemprop(options.chemprop, 1 if options.quick else 5)
    mine, theirs = (statistics.fmean(rmse[name]) for name in ("gnnvision", "chemprop"))
    note = f"RMSE {mine:.3f}, theirs {theirs:.3f}, on the same splits ({len(rmse['chemprop'])})"
    yield compare(replace(row, note=note), seconds["gnnvision"], seconds["chemprop"])


def record(options: Options) -> Iterator[Row]:
    """A whole training of the quick preset, compared with airbench94's network and epochs."""
    from cifar_record import RECORD, programs, whole_trainings

    import gnnvision as gv
    from gnnvision.training import keep_memory

    title = "CIFAR-10, preset 'quick'"
    peer = "airbench94's network and epochs"
    row = Row("record", title, peer, aim=2, threads=_threads())
    archive = gv.data.data_root() / "cifar10-images.tar.gz"
    if not archive.is_file():
        yield replace(row, outcome=ABSENT, note=f"{archive.name} is not in the data root")
        return
    with quiet():
        keep_memory()
        calls, counts = programs(gv.data.load(archive), names=("quick",))
        found = whole_trainings(in_turn(calls, options.rounds(5)), counts)
    yield compare(row, found["quick"], found[RECORD])


JOBS: dict[str, Job] = {
    "cora": Job(cora, 900, "cora.py --seeds 10 --jax PEER/bin/python"),
    "gcn": Job(
        layer("gcn", "CSR", {"float32": 4, "bfloat16": 8}, 2), 400, "layers.py --layer gcn"
    ),
    "gatv2": Job(layer("gatv2", "edge list", {"float32": 3}, 4), 400, "layers.py --layer gatv2"),
    "sage": Job(layer("sage", "edge list", {"float32": 4.3}), 200, "layers.py --layer sage"),
    "gin": Job(layer("gin", "edge list", {"float32": 6.9}), 200, "layers.py --layer gin"),
    "cheb": Job(layer("cheb", "edge list", {"float32": 7.0}), 200, "layers.py --layer cheb"),
    "rgcn": Job(layer("rgcn", "edge list", {"float32": 4}), 200, "layers.py --layer rgcn"),
    "small": Job(small, 150, "layers.py --small --threads 1", threads=1),
    "molecules": Job(molecules, 200, "molecules.py", threads=1),
    "images": Job(images, 400, "images.py"),
    "start": Job(start, 300, "bench.py --only start"),
    "esol": Job(esol, 1800, "molecules.py --chemprop PEER/bin/chemprop --threads 2", long=True),
    "record": Job(record, 1200, "cifar_record.py", long=True),
}


def failed(job: str, reason: str) -> Row:
    """The row of a job that did not end well."""
    return Row(job, f"benchmarks/{JOBS[job].command}", outcome=FAILED, note=reason)


def _absent(row: Row, measured: Row | None = None) -> Row:
    return replace(measured or row, outcome=ABSENT)


def _threads() -> int:
    import torch

    return torch.get_num_threads()
