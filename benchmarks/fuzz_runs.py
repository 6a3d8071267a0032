"""The doors of what gnnvision wrote itself, and of command lines, for fuzz.py."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from fuzz_door import door, written
from fuzz_mutate import MUTATE, json_value, mutate_json

import gnnvision as gv


def checkpoints() -> list[bytes]:
    """The weights of small runs on images, molecules and a graph."""
    import tempfile

    from gnnvision.training.checkpoint import Checkpoint, write_checkpoint

    reader, found = gv.data.Featurizer(), []
    pictures = {"channels": 3, "size": [16, 16], "mean": [0.5] * 3, "std": [0.25] * 3}
    molecules = {"featurizer": reader.to_dict(), "featurizer_hash": reader.hash, "descriptors": 0,
                 "kind": "regression", "targets": ["y"]}  # fmt: skip
    atoms, bonds = reader.num_atom_columns, reader.num_bond_columns
    for model, given, more in (
        (gv.models.whitened_cnn(3, 2, 16, widths=(4, 8, 8)), pictures, {}),
        (gv.models.bond_network(atoms, 1, 8, bond_channels=bonds), molecules, {}),
        (gv.models.gcn(34, 4, 2), {}, {"dataset": "karate"}),
    ):
        kind = "regression" if given is molecules else "classification"
        names = ["y"] if given is molecules else ["a", "b"]
        about = {"spec": model.spec, "precision": "float32", "kind": kind, "title": "T"}
        about |= {"class_names": names, "input": given, **more}
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "best.safetensors")
            write_checkpoint(path, Checkpoint(model.state_dict(), about))
            found.append(path.read_bytes())
    return found


@door("checkpoint", checkpoints, "safetensors", 15_000)
def read_checkpoint(data: bytes, folder: Path) -> object:
    """The network of a run, which is built and given its weights."""
    path = written(folder, "run/checkpoints/best.safetensors", data)
    return str(gv.load_run(path.parent.parent, device="cpu"))


def unfinished() -> list[bytes]:
    """The checkpoint of a run that was stopped."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        try:
            resumed(Path(place), resume=False)
        except KeyboardInterrupt:
            pass
        return [Path(place, "checkpoints/last.safetensors").read_bytes()]


def resumed(folder: Path, resume: bool = True) -> object:
    """Train a small network, stopped after three epochs unless it is resumed."""
    import signal

    epochs = []

    def stop(event: object) -> None:
        if isinstance(event, gv.training.events.EpochDone) and not resume:
            epochs.append(event)
            if len(epochs) == 3:
                signal.raise_signal(signal.SIGINT)

    task = gv.data.load("karate")
    recipe = gv.Recipe(epochs=4)
    how: dict[str, Any] = {"group": 1, "device": "cpu", "progress": False, "callbacks": [stop]}
    model = gv.models.gcn(task.in_channels, 4, 2)
    return gv.fit(model, task, recipe, 2, folder=folder, resume=resume, **how)


@door("last checkpoint", unfinished, "safetensors", 3_000)
def read_last(data: bytes, folder: Path) -> object:
    """Resume from a checkpoint."""
    written(folder, "run/checkpoints/last.safetensors", data)
    return resumed(folder / "run")


def weights() -> list[bytes]:
    """Weights as torch and safetensors write them."""
    import torch
    from safetensors.torch import save

    held = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}
    found = [save(held)]
    for packed in (True, False):
        for value in (held, {"state_dict": held, "epoch": 3}):
            out = io.BytesIO()
            torch.save(value, out, _use_new_zipfile_serialization=packed)
            found.append(out.getvalue())
    return found


@door("weights", weights, "bytes", 25_000)
def read_weights(data: bytes, folder: Path) -> object:
    """The tensors in a file of weights."""
    from gnnvision.transfer.weights_file import stored_weights

    return stored_weights(written(folder, "a.pth", data))


RESULT = {
    "title": "Cora", "network": "GCN", "metric": "accuracy", "seeds": [0, 1],
    "metrics": {"test": {"accuracy": {"mean": 0.8, "std": 0.01, "values": [0.79, 0.81]}}},
}  # fmt: skip
PAGE = {"title": "Maps", "explains": "../../train/2026-01-01_10-00-00"}


def run_files() -> list[bytes]:
    """What the index of all runs reads."""
    config = {"experiment": "gcn", "script": "gcn", "model": "GCN(3)", "dataset": "cora"}
    held = {"config.json": config, "result.json": RESULT, "page.json": PAGE}
    return [json.dumps([name, held]).encode() for name in held]


def change_run_file(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One of the files, changed."""
    name, held = json.loads(data)
    held[name] = mutate_json(random, held[name])
    if name != "page.json":
        del held["page.json"]
    return json.dumps([name, held]).encode()


@door("index of runs", run_files, change_run_file, 10_000)
def read_runs(data: bytes, folder: Path) -> object:
    """The index of runs of anybody."""
    from gnnvision.report.index import update_index

    run = folder / "gcn" / "2026-01-01_10-00-00"
    for name, value in json.loads(data)[1].items():
        text = json.dumps(value) if not isinstance(value, str) else value
        written(run, name, text.encode("utf-8", "surrogatepass"))
    written(run, "report.html", b"<html></html>")
    update_index(run)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("<script>") <= 2, "a script in the page"
    return page


@cache
def flags_of_train() -> Any:
    """The flags of `gnnvision train`."""
    from gnnvision.cli.command_train import flags

    return flags()


def configs() -> list[bytes]:
    """The flags of a run, as it stores them."""
    from gnnvision.cli.folders import settings

    about = settings("train", flags_of_train()()) | {"script": "gnnvision train"}
    return [json.dumps(about).encode()]


def change_config(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """JSON with other values, or damaged."""
    if random.random() < 0.2:
        return MUTATE["text"](random, data)
    return json.dumps(mutate_json(random, json.loads(data))).encode("utf-8", "surrogatepass")


@door("config.json", configs, change_config, 20_000)
def read_config(data: bytes, folder: Path) -> object:
    """The flags of a run that is resumed."""
    from gnnvision.cli.resume import parse_flags

    run = written(folder, "config.json", data).parent
    words = ["--resume", str(run)]
    return parse_flags(flags_of_train(), words, "", "gnnvision train", "gnnvision train")


def command_lines() -> list[bytes]:
    """Command lines."""
    return [json.dumps(words).encode() for words in (
        ["cora", "--seeds", "3", "--epochs", "5", "--lr", "0.1"],
        ["a.csv", "--target", "y", "z", "--split", "random", "--no-flip"],
        ["nodes.csv", "--edges", "e.csv", "--label", "x", "--jobs", "auto", "--device", "cpu"],
    )]  # fmt: skip


def change_words(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Other words of a command line."""
    words = json.loads(data)
    names = [f"--{field.replace('_', random.choice('-_'))}" for field in
             flags_of_train().__dataclass_fields__]  # fmt: skip
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(words) + 1)
        value = json_value(random)
        word = random.choice((str(value)[:300], random.choice(names), f"{names[0]}={value}"[:300]))
        words[at : at + random.randint(0, 1)] = [word]
    return json.dumps(words).encode()


@door("flags", command_lines, change_words, 12_000)
def read_flags(data: bytes, folder: Path) -> object:
    """The flags of a command line."""
    import contextlib

    from gnnvision.cli.resume import parse_flags

    words = [word.encode("utf-8", "replace").decode() for word in json.loads(data)]
    if "--help" in words or "--resume" in " ".join(words):
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        return parse_flags(flags_of_train(), words, "", "gnnvision train", "gnnvision train")


def recipes() -> list[bytes]:
    """Recipes as JSON."""
    return [json.dumps(gv.Recipe().to_dict()).encode()]


def change_recipe(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A recipe with other values."""
    return json.dumps(mutate_json(random, json.loads(data))).encode()


@door("recipe", recipes, change_recipe, 40_000)
def read_recipe(data: bytes, folder: Path) -> object:
    """A recipe of a run."""
    return gv.Recipe.from_dict(json.loads(data))


# --- a graph on disk, and the journal of a sweep -------------------------------------------------


def graph_folders() -> list[bytes]:
    """The files of a small graph on disk, once for each of them."""
    import tempfile

    from gnnvision.data import Split

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "g")
        with gv.data.GraphWriter(folder, 6, undirected=True, columns=("edge_weight",)) as writer:
            source, target = np.array([0, 1, 2, 3, 4]), np.array([1, 2, 3, 4, 5])
            writer.add_edges(source, target, edge_weight=np.ones(5, np.float32))
            x, y = np.eye(6, dtype=np.float32), np.array([0, 1, 0, 1, 0, 1])
            writer.add_nodes(x=x, y=y, ids=[f"n{i}" for i in range(6)])
            rows = (np.array([0, 1]), np.array([2, 3]), np.array([4, 5]))
            writer.finish(class_names=("a", "b"), split=Split("mine", *rows))
        held = {path.name: path.read_bytes().hex() for path in sorted(folder.iterdir())}
    return [json.dumps([name, held]).encode() for name in held]


def change_graph(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A file of the graph changed, with its hash as an attacker would write it."""
    name, held = json.loads(data)
    about = json.loads(bytes.fromhex(held["graph.json"]))
    if name == "graph.json":
        about = mutate_json(random, about)
    else:
        held[name] = MUTATE["bytes"](random, bytes.fromhex(held[name])).hex()
        entry = about["files"].get(name.removesuffix(".npy"))
        if entry is not None and random.random() < 0.8:
            entry["sha256"] = hashlib.sha256(bytes.fromhex(held[name])).hexdigest()
    held["graph.json"] = json.dumps(about).encode("utf-8", "surrogatepass").hex()
    return json.dumps([name, held]).encode()


@door("graph on disk", graph_folders, change_graph, 15_000)
def read_graph_on_disk(data: bytes, folder: Path) -> object:
    """Load a graph on disk and check it; what passes must give batches."""
    from gnnvision.data.graphs.graph_folder import check_graph_folder

    _, held = json.loads(data)
    for name, content in held.items():
        written(folder / "g", name, bytes.fromhex(content))
    task: Any = gv.data.load(folder / "g")
    text = task.overview()
    check_graph_folder(folder / "g")
    task.graph.frontier(task.split.train, fanouts=(2, 2), key=1)
    return text


def journals() -> list[bytes]:
    """The journal of two trials."""
    import tempfile

    from gnnvision.training.studies import Trial

    with tempfile.TemporaryDirectory() as place:
        journal = journal_in(Path(place))
        journal.add(Trial(0, {"lr": 0.1}, (0.5, 0.6), 1.0, 2.0, "", "here"))
        journal.add(Trial(1, {"lr": 0.2}, (0.7, 0.6), 0.9, 2.0, "", "there"))
        return [Path(place, "journal.log").read_bytes()]


def journal_in(folder: Path) -> Any:
    """The journal of a sweep over one setting."""
    from gnnvision.training.search_space import Range
    from gnnvision.training.studies import Journal

    return Journal(folder, {"lr": Range(0.01, 1.0)}, True)


def change_journal(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A line of JSON changed, missing or there twice; now and then any bytes."""
    if random.random() < 0.3:
        return MUTATE["bytes"](random, data)
    lines = data.splitlines()
    at = random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, random.choice(lines))
        case _:
            lines[at] = json.dumps(mutate_json(random, json.loads(lines[at]))).encode()
    return b"\n".join(lines) + b"\n"


@door("journal of a sweep", journals, change_journal, 5_000)
def read_journal(data: bytes, folder: Path) -> object:
    """The trials in a journal."""
    written(folder, "journal.log", data)
    return journal_in(folder).trials()
