"""Checkpoints of untrained networks, as runs leave them, and files to ask them about."""

import numpy as np
from PIL import Image
from safetensors.torch import save_file

import gnnvision as gv
from gnnvision.training.checkpoint import Checkpoint, write_checkpoint


def write(folder, model, about):
    folder.mkdir(parents=True, exist_ok=True)
    state = {"spec": model.spec, "precision": "float32", **about}
    write_checkpoint(folder / "best.safetensors", Checkpoint(model.state_dict(), state))
    return folder


def of_pictures(folder, size=16, channels=3):
    model = gv.models.whitened_cnn(channels, 3, size, widths=(8, 16, 16))
    given = {"channels": channels, "size": [size, size], "mean": [0.5] * channels}
    given |= {"std": [0.25] * channels, "test_views": "none"}
    about = {"kind": "classification", "title": "Bars", "class_names": ["a", "b", "c"]}
    return write(folder, model, about | {"input": given})


def of_molecules(folder, descriptors=0):
    reader = gv.data.Featurizer()
    model = gv.models.bond_network(
        reader.num_atom_columns, 2, 8, bond_channels=reader.num_bond_columns,
        descriptors=descriptors,
    )  # fmt: skip
    given = {"featurizer": reader.to_dict(), "featurizer_hash": reader.hash}
    given |= {"descriptors": descriptors, "kind": "regression", "targets": ["mass", "charge"]}
    about = {"kind": "regression", "title": "Weights", "class_names": ["mass", "charge"]}
    return write(folder, model, about | {"input": given})


def of_nodes(folder, dataset="karate"):
    model = gv.models.gcn(34, 4, 2)
    about = {"kind": "classification", "title": "Karate", "dataset": dataset, "input": {}}
    return write(folder, model, about | {"class_names": ["Mr. Hi", "Officer"]})


def graphs_in(root, kinds=True):
    """Paths of 2 or 3 nodes of the kinds 0, 1 and 2, in MUTAG's layout and with its sizes."""
    raw = root / "MUTAG" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    sizes = [3] * 63 + [2] * 125
    starts = [1 + sum(sizes[:i]) for i in range(188)]
    ends = zip(starts, sizes, strict=True)
    pairs = [(first + i, first + i + 1) for first, size in ends for i in range(size - 1)]
    lines = {
        "A": [f"{a}, {b}\n{b}, {a}" for a, b in pairs],
        "graph_indicator": [g + 1 for g, size in enumerate(sizes) for _ in range(size)],
        "graph_labels": [-1] * 63 + [1] * 125,
    }
    if kinds:
        lines["node_labels"] = [5 + i for size in sizes for i in range(size)]
    for part, content in lines.items():
        (raw / f"MUTAG_{part}.txt").write_text("\n".join(map(str, content)))
    return root


def of_graphs(folder, columns=3):
    """A network for the graphs of `graphs_in`."""
    model = gv.models.molecule_gcn(columns, 2, 8, num_layers=2)
    about = {"kind": "classification", "title": "MUTAG", "dataset": "mutag", "input": {}}
    about |= {"class_names": ["no", "yes"], "in_channels": columns}
    about |= {"split": {"train": list(range(1, 180)), "val": [0], "test": list(range(180, 187))}}
    return write(folder, model, about)


def of_torchvision(path, name="squeezenet1_1", num_classes=5):
    """Weights in half precision in a file, drawn at random."""
    network = gv.models.torchvision_network(name, num_classes).network
    held = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_file(held, path)
    return network


def picture(path, size=(20, 30), mode="RGB"):
    """A picture of noise; size is height and width."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 4), dtype=np.uint8)
    image = Image.fromarray(pixels[..., :3])
    image.convert(mode).save(path)
    return path
