"""The sections of `gpu_check.py`, which yield their rows."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from gpu_check import Row
from gpu_parity import OPERATORS, TOLERANCE, difference
from gpu_training import training

import gnnvision as gv
from gnnvision.data.errors import DataNotFound

ROOT = Path(__file__).resolve().parents[1]


def layers(device: str, small: bool) -> Iterator[Row]:
    """Compare each operator and layer with the CPU, values and gradients."""
    torch.backends.cudnn.allow_tf32 = False  # which has 10 bits of mantissa
    started = time.perf_counter()
    for dtype, tolerance in TOLERANCE.items():
        worst = {name: difference(name, device, dtype) for name in OPERATORS}
        wrong = {name: value for name, value in worst.items() if not value <= tolerance}
        name = max(worst, key=worst.__getitem__)
        figure = f"largest relative difference {worst[name]:.1e} ({name})"
        if wrong:
            figure = "differ: " + ", ".join(f"{n} {v:.1e}" for n, v in wrong.items())
        taken, started = time.perf_counter() - started, time.perf_counter()
        label = f"{len(worst)} operators and layers, {str(dtype).removeprefix('torch.')}"
        yield Row(label, "failed" if wrong else "passed", figure, taken)


def tests(device: str, small: bool) -> Iterator[Row]:
    """Run the tests that need a GPU, and the contract suites on it."""
    runs = {
        "GPU tests": ["-m", "gpu", "tests"],
        "contract suites": [f"--device={device}", "-k", "Contract", "tests/layers"],
    }
    if small:
        runs = {"contract suites": [f"--device={device}", "tests/layers/test_gcn.py"]}
    for name, flags in runs.items():
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        last = (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")
        outcome = "passed" if done.returncode == 0 else "failed"
        if done.returncode:
            print(done.stdout[-5000:], file=sys.stderr)
        yield Row(name, outcome, last, time.perf_counter() - started)


# --- the scripts ------------------------------------------------------------------------------


def script(name: str, *flags: str, out: Path) -> tuple[float, Path]:
    """Run an experiment, and return its seconds and its run folder."""
    command = [sys.executable, str(ROOT / "experiments" / f"{name}.py"), *flags, "--out", str(out)]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        text = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise RuntimeError(f"{name}.py ended with {done.returncode}: {text[-1][:200]}")
    made = sorted((out / name).iterdir(), key=lambda folder: folder.stat().st_mtime)
    return time.perf_counter() - started, made[-1]


def figure(run: Path) -> str:
    """The test score and the training time of a run, as text."""
    result = json.loads((run / "result.json").read_text())
    metrics = result["metrics"]["test"]
    metric = next(name for name in ("accuracy", "rocauc", "rmse", "loss") if name in metrics)
    values = metrics[metric]["values"]
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    seeds = f"{len(values)} seed{'s' * (len(values) > 1)}"
    seconds = result["seconds"]["train"]
    score = f"test {metric} {statistics.fmean(values):.3f}{spread}"
    return f"{score}, {seeds}, training {seconds:.1f} s, {result['title']}"


def script_row(label: str, name: str, *flags: str, out: Path) -> tuple[Row, Path | None]:
    """Run an experiment, and return its row and its run folder; it may fail."""
    try:
        seconds, run = script(name, *flags, out=out)
    except RuntimeError as error:
        return Row(label, "failed", str(error)), None
    text = figure(run) if (run / "result.json").exists() else ""
    return Row(label, "passed", text, seconds), run


def is_available(dataset: str) -> bool:
    """Whether a dataset is on this machine."""
    try:
        gv.data.load(dataset, download=False)
    except DataNotFound:
        return False
    return True


def graphs(device: str, small: bool) -> Iterator[Row]:
    """Train on citation graphs, molecules and sets of graphs, and explain the networks."""
    few = ["--epochs", "3"] if small else []
    with tempfile.TemporaryDirectory() as folder:
        out, on = Path(folder), ["--device", device]
        for name, seeds, item in (
            ("gcn_cora", "2" if small else "10", "5"),
            ("gcn_molecules", "1", "CCO"),
        ):
            row, run = script_row(f"{name}.py", name, "--seeds", seeds, *few, *on, out=out)
            yield row
            yield from explanations(run, name, item, on, out)
        label = "gcn_molecules.py --dataset mutag"
        if is_available("mutag"):
            flags = ["--dataset", "mutag", "--seeds", "1", *few, *on]
            yield script_row(label, "gcn_molecules", *flags, out=out)[0]
        else:
            yield Row(label, "skipped", "MUTAG is not on this machine")


def explanations(
    run: Path | None, name: str, item: str, on: list[str], out: Path
) -> Iterator[Row]:
    """Run the scripts for explanations and feature maps on the network of a run."""
    for command in ("explain", "feature_maps") if run is not None else ():
        yield script_row(f"{command}.py of {name}.py", command, str(run), item, *on, out=out)[0]


def images(device: str, small: bool) -> Iterator[Row]:
    """Train on CIFAR-10 with both presets, then an explanation and feature maps."""
    with tempfile.TemporaryDirectory() as folder:
        out, on = Path(folder), ["--device", device]
        data = ["--dataset", "digits", "--epochs", "2"]
        if is_available("cifar10-jpeg") and not small:
            data = ["--dataset", "cifar10-jpeg", "--split", "full"]
        run: Path | None = None
        for preset in ("quick", "long"):
            flags = ["--preset", preset, "--seeds", "1", *data, *on]
            row, run = script_row(f"cnn_cifar.py --preset {preset}", "cnn_cifar", *flags, out=out)
            yield row
        image = Path(folder, "image.png")
        _write_photograph(image)
        yield from explanations(run, "cnn_cifar", str(image), on, out)


def _write_photograph(path: Path) -> None:
    """Write a photograph of scikit-learn to a file."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    Image.fromarray(load_sample_image("flower.jpg")).resize((64, 64)).save(path)


def transfer(device: str, small: bool) -> Iterator[Row]:
    """Run fine-tuning for images and molecules."""
    on = ["--device", device]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        label, weights = "transfer_cats_dogs.py", "weights/mobilenet_v2_imagenet.safetensors"
        if is_available("cats_dogs") and (gv.data.data_root() / weights).is_file():
            flags = ["--strategy", "head" if small else "last", "--seeds", "1", *on]
            yield script_row(label, "transfer_cats_dogs", *flags, out=out)[0]
        else:
            yield Row(label, "skipped", "its data or weights are not on this machine")
        if small:
            yield Row("transfer_molecules.py", "skipped", "takes minutes on a CPU")
            return
        flags = ["--pretrain", "bioactivity", "--labels", "50", "--seeds", "1", *on]
        yield script_row("transfer_molecules.py", "transfer_molecules", *flags, out=out)[0]


# --- speed ------------------------------------------------------------------------------------


def speed(device: str, small: bool) -> Iterator[Row]:
    """Compare Cora and large layers with torch-geometric."""
    warnings.simplefilter("ignore")
    import cora
    import layers as large
    from timing import device_peak, in_turn

    dataset = "cora" if is_available("cora") else "stdlib"
    for seeds in (1,) if small else (1, 10):
        started = time.perf_counter()
        found = cora.programs(device, seeds, dataset, () if small else (cora.PEER,))
        rounds = 1 if small or seeds > 1 else 3
        taken = in_turn(found.calls, rounds, warm=0 if seeds > 1 or small else 1, device=device)
        taken[cora.OURS] = [value / seeds for value in taken[cora.OURS]]
        mean = statistics.fmean(found.accuracy[cora.OURS])
        yield Row(
            f"{dataset}, {seeds} seeds, per seed" if seeds > 1 else f"{dataset}, 1 seed",
            "measured",
            _compare(taken, cora.OURS, "s", 1.0) + f", accuracy {mean:.3f}",
            time.perf_counter() - started,
        )
    nodes, edges = (2000, 20_000) if small else (large.NODES, large.EDGES)
    for layer in ("gcn", "gatv2"):
        ours = large.OURS[layer]
        started = time.perf_counter()
        forms = large.programs(layer, device, nodes, edges)
        taken = in_turn(forms, 2 if small else 20, warm=2, device=device)
        text = _compare(taken, ours, "ms", 1e3)
        if device.startswith("cuda"):
            text += ", peak " + " against ".join(
                f"{device_peak(form):.0f} MiB" for form in forms.values()
            )
        yield Row(f"{ours}, {nodes:,} nodes", "measured", text, time.perf_counter() - started)


def _compare(taken: dict[str, list[float]], ours: str, unit: str, scale: float) -> str:
    """Our median and that of each other program, with the ratio."""
    medians = {name: statistics.median(values) * scale for name, values in taken.items()}
    parts = [f"{medians[ours]:.3g} {unit}"]
    for name, value in medians.items():
        if name != ours:
            parts.append(f"{name} {value:.3g} {unit} ({value / medians[ours]:.1f} times)")
    return ", ".join(parts)


def deterministic(device: str, small: bool) -> Iterator[Row]:
    """Run scripts twice with --deterministic, and compare the weights."""
    for name, flags in {
        "gcn_cora": ["--seeds", "1", "--epochs", "20"],
        "gcn_molecules": ["--seeds", "1", "--epochs", "2"],
        "cnn_cifar": ["--dataset", "digits", "--epochs", "2", "--preset", "quick"],
    }.items():
        started = time.perf_counter()
        found = []
        with tempfile.TemporaryDirectory() as folder:
            try:
                for number in "12":
                    out = Path(folder, number)
                    run = script(name, *flags, "--deterministic", "--device", device, out=out)[1]
                    weights = (run / "checkpoints" / "best.safetensors").read_bytes()
                    found.append(hashlib.sha256(weights).hexdigest())
            except RuntimeError as error:
                yield Row(f"{name}.py --deterministic", "failed", str(error))
                continue
        same = found[0] == found[1]
        text = "identical weights in two runs" if same else "different weights in two runs"
        yield Row(
            f"{name}.py --deterministic",
            "passed" if same else "failed",
            text,
            time.perf_counter() - started,
        )


def airbench(device: str, small: bool) -> Iterator[Row]:
    """Run the package of the published speed record on the same images, if it is installed."""
    label = "airbench94 on the same images"
    if importlib.util.find_spec("airbench") is None:
        yield Row(label, "skipped", "the package airbench is not installed")
        return
    if not is_available("cifar10-jpeg") or not device.startswith("cuda"):
        yield Row(label, "skipped", "needs CIFAR-10 as an image tree and a GPU")
        return
    import airbench

    task = gv.data.load("cifar10-jpeg", split="full")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("cifar10").mkdir()
        for part in ("train", "test"):  # in the format of airbench's downloads
            index = torch.from_numpy(getattr(task.split, part).copy())
            pixels = task.images[index].permute(0, 2, 3, 1).contiguous()
            content = {"images": pixels, "labels": task.y[index], "classes": task.class_names}
            torch.save(content, Path("cifar10", f"{part}.pt"))
        airbench.warmup94(verbose=False)
        torch.cuda.synchronize()
        started = time.perf_counter()
        network = airbench.train94(verbose=False)
        torch.cuda.synchronize()
        seconds = time.perf_counter() - started
        loader = airbench.CifarLoader("cifar10", train=False, batch_size=1000)
        accuracy = airbench.evaluate(network, loader, tta_level=2)
        os.chdir(ROOT)
    yield Row(label, "measured", f"test accuracy {accuracy:.4f} in {seconds:.2f} s", seconds)


SECTIONS: dict[str, Callable[[str, bool], Iterator[Row]]] = {
    "layers": layers,
    "training": training,
    "tests": tests,
    "graphs": graphs,
    "speed": speed,
    "images": images,
    "transfer": transfer,
    "deterministic": deterministic,
    "airbench": airbench,
}
