"""Every flag of every script changes what is done, or is refused.

A new flag fails here until it has an entry: what to give, beside which others.
"""

import dataclasses
import importlib.util
import sys
from types import SimpleNamespace

import pytest
import torch

import gnnvision as gv

from ..cli.checkpoints import picture
from .conftest import SCRIPTS

TABLE = """smiles,other,y,z,part
CO,CN,1,3,train
CCO,CCN,2,1,train
CCCO,CCCN,3,5,train
CCCCO,CCCCN,4,2,test
CCCCCO,CCCCCN,5,6,val
c1ccccc1O,CCF,6,4,train
c1ccccc1N,CCCF,7,8,test
[Na+].CC[O-],CCCCF,8,7,val
C[Po]C,CCCCCF,9,9,train
*CC,CCCl,10,1,train
not-one,CCCCl,11,2,train
CCCS,CCCCCl,12,3,test
"""
ANY = {
    "seeds": ["--seeds", "4"],
    "epochs": ["--epochs", "4"],
    "lr": ["--lr", "0.5"],
    "device": ["--device", "meta"],
    "jobs": ["--jobs", "3"],
    "parallel": ["--parallel", "seeds"],
    "group": ["--group", "3"],
    "precision": ["--precision", "bfloat16"],
    "compile": ["--compile"],
    "deterministic": ["--deterministic"],
    "data_root": ["--data-root", "nowhere"],
    "out": ["--out", "elsewhere"],
    "save_every": ["--save-every", "5"],
    "log": ["--log", "csv"],
    "resume": ["--resume", "nowhere"],
    "compare": ["--compare", "nowhere"],
}
ON_PICTURES = ANY | {
    "dataset": ["--dataset", "photos"],
    "split": ["--split", "random"],
    "batch_size": ["--batch-size", "7"],
    "image_size": ["--image-size", "40"],
    "evaluate_every": ["--evaluate-every", "7"],
    "keep_epochs": ["--keep-epochs"],
    "on_invalid": (["--dataset", "broken"], ["--dataset", "broken", "--on-invalid", "skip"]),
}
ON_TABLES = ANY | {
    "dataset": ["--dataset", "bioactivity"],
    "csv": (["--csv", "table.csv"], ["--csv", "longer.csv"]),
    "smiles": ["--smiles", "other"],
    "target": ["--target", "z"],
    "kind": ["--kind", "classification"],
    "missing": (["--csv", "gaps.csv"], ["--csv", "gaps.csv", "--missing", "lost"]),
    "split": ["--split", "kfold"],
    "split_column": ["--split-column", "part"],
    "folds": (["--split", "kfold"], ["--split", "kfold", "--folds", "4"]),
    "batch_size": ["--batch-size", "7"],
    "on_invalid": ["--on-invalid", "raise"],
    "fragments": ["--fragments", "largest"],
    "hydrogens": ["--hydrogens", "explicit"],
    "unknown": ["--unknown", "invalid"],
    "wildcards": ["--wildcards", "other"],
}
STDLIB = ["--dataset", "stdlib"]
DIGITS = ["--dataset", "digits"]
BACKBONE = SCRIPTS.parent / "tests" / "training" / "kept" / "bond_network.safetensors"
# Script -> what is always given, and for each flag what to give beside it: or two command lines.
TRAINING = {
    "gcn_cora": (
        ["--dataset", "karate"],
        ANY | {"dataset": ["--dataset", "stdlib"], "split": ["--split", "random"]}
        | {"model": ["--model", "classic"]},
    ),
    "gcn_large": (
        ["--nodes", "2000"],
        ANY | {"dataset": ["--dataset", "karate"], "split": ["--split", "random"]}
        | {"nodes": ["--nodes", "3000"], "model": ["--model", "graphsage"]}
        | {"hidden": ["--hidden", "16"], "fanouts": ["--fanouts", "5", "-1"]}
        | {"batch_size": ["--batch-size", "7"], "clusters": ["--clusters", "9", "3"]},
    ),
    "links_cora": (
        ["--dataset", "karate"],
        ANY | {"dataset": STDLIB, "split": ["--split", "fixed"]}
        | {"val": ["--val", "0.2"], "test": ["--test", "0.3"]}
        | {"raw_features": (STDLIB, [*STDLIB, "--no-raw-features"])},
    ),
    "cnn_cifar": (
        DIGITS,
        ON_PICTURES
        | {"model": ["--model", "vgg_like"], "preset": ["--preset", "long"]}
        | {"augment": ["--no-augment"], "head": ["--model", "vgg_like", "--head", "average"]}
        | {"batch_norm": ["--model", "vgg_like", "--no-batch-norm"]}
        | {
            "crop": ["--crop", "2"], "padding_mode": ["--padding-mode", "zeros"],
            "flip": ["--flip", "random"], "rotation": ["--rotation", "15"],
            "shift": ["--shift", "0.1"], "scale": ["--scale", "0.9", "1.1"],
            "brightness": ["--brightness", "0.2"], "contrast": ["--contrast", "0.2"],
            "saturation": ["--saturation", "0.2"], "hue": ["--hue", "0.2"],
            "cutout": ["--cutout", "2"], "resized_crop": ["--resized-crop", "0.5", "1"],
            "ratio": (
                ["--resized-crop", "0.5", "1"],
                ["--resized-crop", "0.5", "1", "--ratio", "0.5", "2"],
            ),
            "size": (
                ["--resized-crop", "0.5", "1"], ["--resized-crop", "0.5", "1", "--size", "7", "8"],
            ),
        },
    ),
    "cnn_fashion": ([*DIGITS, "--model", "dnn"], ON_PICTURES | {"model": ["--model", "cnn"]}),
    "cnn_mnist": (DIGITS, ON_PICTURES | {"model": ["--model", "mnist_cnn"]}),
    "autoencoder": (
        DIGITS,
        ON_PICTURES
        | {"height": ["--height", "40"], "width": ["--width", "40"]}
        | {"latent": ["--latent", "3"]},
    ),
    "gcn_molecules": (
        ["--csv", "table.csv", "--target", "y"],
        ON_TABLES | {"model": ["--model", "lecture"], "descriptors": ["--no-descriptors"]},
    ),
    "transfer_molecules": (
        ["--csv", "table.csv", "--target", "y", "--labels", "4", "--pretrain", "bioactivity"],
        ON_TABLES
        | {"labels": ["--labels", "3"], "pretrain": ["--pretrain", "digits"]}
        | {"weights": ["--pretrain", "tox21", "--weights", str(BACKBONE)]},
    ),
}  # fmt: skip
# Flags of scripts that do not train by `cli.fit`, and the test that shows what each does.
ELSEWHERE = {
    "hexagonal": dict.fromkeys(
        ("dataset", "epochs", "seeds", "out"), "test_hexagonal.py::test_a_run_leaves_everything"
    ),
    "convolution_basics": {
        "photo": "test_convolution_basics.py::test_a_run_leaves_everything",
        "out": "test_convolution_basics.py::test_a_run_leaves_everything",
        **dict.fromkeys(
            ("size", "kernel", "stride", "padding"),
            "test_convolution_basics.py::test_one_size_is_worked_out",
        ),
    },
    "graph_basics": {
        "edges": "test_graph_basics.py::test_matrices_are_printed",
        "smiles": "test_graph_basics.py::test_matrices_are_printed",
        "steps": "test_graph_basics.py::test_matrices_are_printed",
        "out": "test_graph_basics.py::test_a_run_leaves_everything",
    },
    "mesh": dict.fromkeys(
        ("layer", "epochs", "seeds", "out"),
        "test_mesh.py::test_edges_help_on_shapes_that_are_new",
    ),
    "explain": {
        "model": "test_explain.py::test_three_methods_side_by_side",
        "inputs": "test_explain.py::test_three_methods_side_by_side",
        **dict.fromkeys(
            ("method", "target", "layer"),
            "test_explain.py::test_methods_target_and_layer_by_name",
        ),
        **dict.fromkeys(
            ("checks", "draws", "orders", "out", "device"),
            "test_every_flag.py::test_what_an_explanation_is_asked",
        ),
    },
    "feature_maps": {
        "model": "test_feature_maps.py::test_a_run_leaves_everything",
        "inputs": "test_feature_maps.py::test_a_run_leaves_everything",
        "layer": "test_feature_maps.py::test_one_layer_by_name",
        "list": "test_feature_maps.py::test_the_layers_are_listed_and_nothing_is_left",
        "out": "test_every_flag.py::test_where_to_and_on_what",
        "device": "test_every_flag.py::test_where_to_and_on_what",
    },
    "augmentations": dict.fromkeys(
        (
            "photo", "rows", "columns", "seed", "out", "crop", "padding_mode", "flip",
            "rotation", "shift", "scale", "brightness", "contrast", "saturation", "hue",
            "cutout", "resized_crop", "ratio", "size",
        ),
        "test_lecture_rows.py::test_c8_a_sheet_of_one_photograph",
    ),
    "predict": {
        "checkpoint": "test_pictures.py::test_a_folder_of_ones_own_trains_and_predicts",
        "images": "test_pictures.py::test_a_folder_of_ones_own_trains_and_predicts",
        "out": "test_every_flag.py::test_where_to_and_on_what",
        "device": "test_every_flag.py::test_where_to_and_on_what",
    },
    "predict_molecules": {
        "checkpoint": "test_molecules.py::test_a_table_trains_and_predicts",
        "csv": "test_molecules.py::test_a_table_trains_and_predicts",
        "smiles": "test_molecules.py::test_a_table_trains_and_predicts",
        "out": "test_every_flag.py::test_where_to_and_on_what",
        "device": "test_every_flag.py::test_where_to_and_on_what",
    },
    "transfer_cats_dogs": dict.fromkeys(
        (
            "backbone", "weights", "strategy", "compare", "seeds", "dataset", "image_size",
            "epochs", "device", "data_root", "out", "on_invalid", "resume", "split",
            "evaluate_every", "keep_epochs", "jobs", "parallel", "save_every",
        ),
        "test_every_flag.py::test_what_a_transfer_is_asked",
    ),
}  # fmt: skip


class _AskedError(Exception):
    """What a script hands to the training, instead of training."""


@pytest.fixture
def place(tmp_path):
    """Tables and folders of images below an empty folder."""
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "gaps.csv").write_text("smiles,y\n" + "CO,1\nCN,lost\nCCO,2\n" * 6)
    (tmp_path / "longer.csv").write_text(TABLE + "CCCCS,CI,13,5,train\n")
    for name in ("photos", "broken"):
        for number in range(24):
            path = tmp_path / name / ("a", "b")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(path, size=(28 + number % 3, 28))
    (tmp_path / "broken" / "a" / "x.png").write_bytes(b"none")
    return tmp_path


def script_of(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return module


def described(task):
    """What a task would train on."""
    source = getattr(task, "source", task)
    held = [task.name, task.split_name, task.split.hash, repr(getattr(source, "augment", None))]
    held += [getattr(source, "test_views", ""), str(getattr(source, "images", task).__class__)]
    for name in ("x", "images", "y"):
        value = getattr(source, name, None)
        if value is not None:
            value = value.to_dense() if value.is_sparse else value
            held += [tuple(value.shape), float(value.double().nansum())]
    return held


@pytest.fixture
def asked(inside, monkeypatch, place):
    """What a script asks of the training, or its error."""
    before = []

    def instead(model, task, recipe, *rest, folder, **options):
        deterministic = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)
        options.pop("data_seconds", None)
        parts = {"pretrained", "training"}  # of a run that trains more than once
        runs = folder.parents[folder.name in parts]
        held = [repr(model), described(task), recipe, rest, runs, deterministic, options]
        if folder.name == "pretrained":
            before.extend(held)
            load = gv.transfer.load_backbone
            monkeypatch.setattr(
                "gnnvision.transfer.sources.load_backbone", lambda _: load(BACKBONE)
            )
            return SimpleNamespace(summary=str)
        raise _AskedError(repr([*before, *held]))

    monkeypatch.setattr("gnnvision.fit", instead)  # first: it is imported on first use
    monkeypatch.setattr("gnnvision.training.fit", instead)

    def start(name, flags):
        before.clear()
        try:
            done = inside(name, *flags)
        except _AskedError as error:
            return str(error)
        assert done.returncode == 2, done.stderr
        # Before it there may be the progress of a slow machine.
        assert done.stderr.strip().splitlines()[-1].startswith("error: "), done.stderr
        return done.stderr

    return start


CASES = [(script, flag) for script, (_, flags) in TRAINING.items() for flag in flags]


@pytest.mark.parametrize(("script", "flag"), CASES)
def test_it_acts_or_is_refused(asked, script, flag):
    base, flags = TRAINING[script]
    given = flags[flag]
    first, second = given if isinstance(given, tuple) else ([], given)
    lines = []
    for more in (first, second):
        # A source of data takes the place of the usual one.
        usual = base[2:] if {"--dataset", "--csv"} & set(more) else base
        if "--labels" in more:  # a second one would extend the first
            place = base.index("--labels")
            usual = base[:place] + base[place + 2 :]
        lines.append(asked(script, [*usual, *more]))
    assert lines[0] != lines[1]


@pytest.mark.parametrize("script", sorted(p.stem for p in SCRIPTS.glob("*.py")))
def test_every_flag_of_every_script_has_an_entry(script):
    flags = {field.name for field in dataclasses.fields(script_of(script).Config)}
    entries = TRAINING[script][1] if script in TRAINING else ELSEWHERE[script]
    assert set(entries) == flags
    if script in ELSEWHERE:
        for file, _, test in (where.partition("::") for where in entries.values()):
            assert f"def {test}(" in (SCRIPTS.parent / "tests" / "experiments" / file).read_text()


@pytest.mark.parametrize(
    ("script", "flags", "text"),
    [
        (
            "cnn_cifar", [*DIGITS, "--model", "vgg_like", "--preset", "long"],
            "'--preset' must be left out with --model vgg_like, got long",
        ),
        (
            "autoencoder", [*DIGITS, "--image-size", "8", "--height", "9"],
            "'--height' must be left out with --image-size, got 9",
        ),
        (
            "gcn_molecules", ["--csv", "table.csv", "--model", "lecture", "--no-descriptors"],
            "'--descriptors' must be left out with --model lecture",
        ),
        (
            "gcn_molecules", ["--csv", "table.csv", "--target", "y", "--folds", "3"],
            "'--folds' must be left out for split='public', got 3",
        ),
        (
            "gcn_molecules",
            ["--csv", "table.csv", "--target", "y", "--split", "random", "--split-column", "part"],
            "'--split-column' must be left out for split='random', got 'part'",
        ),
        ("gcn_molecules", ["--dataset", "mutag", "--smiles", "a"], "'--smiles' must be left out"),
        ("convolution_basics", ["--stride", "2"], "'--stride' must be left out without --size"),
        (
            "convolution_basics", ["--size", "9", "--photo", "a.png"],
            "'--photo' must be left out with --size, got a.png",
        ),
        (
            "transfer_cats_dogs", ["--compare", "--strategy", "last"],
            "'--strategy' must be left out with --compare, got last",
        ),
        (
            "transfer_cats_dogs", ["--strategy", "head", "--epochs", "2"],
            "'--epochs' must be left out with --strategy head, got 2",
        ),
        (
            "transfer_molecules", ["--weights", str(BACKBONE), "--pretrain", "hiv"],
            "'--pretrain' must be left out with --weights, got hiv",
        ),
        (
            "transfer_cats_dogs", ["--weights", ".", "--backbone", "resnet18"],
            "'--backbone' must be left out with the weights of a run, got resnet18",
        ),
    ],
)  # fmt: skip
def test_flags_without_effect_beside_others(asked, script, flags, text):
    assert text in asked(script, flags).replace("\n", " ")


def test_options_of_loading_that_act_on_other_data():
    other = {
        "normalize_features": False, "dense": True, "image_size": 9, "channels": 3,
        "augment": gv.data.Augment(crop=1), "quarantine": "q", "max_pixels": 9, "smiles": "a",
        "targets": "a", "kind": "regression", "split_column": "a", "descriptors": True,
        "featurizer": gv.data.Featurizer(hydrogens="explicit"), "folds": 3,
    }  # fmt: skip
    loaders = {
        "karate": gv.data.graphs.load, "digits": gv.data.images.load,
        "bioactivity": gv.data.molecules.load,
    }  # fmt: skip
    for name, value in other.items():
        for data, loader in loaders.items():
            if name not in loader.defaults:
                with pytest.raises(ValueError, match=f"'{name}' must be left out for .*, got "):
                    gv.data.load(data, **{name: value})
                with pytest.raises(TypeError, match=f"argument '{name}'"):
                    loader(data, **{name: value})


@pytest.mark.parametrize("flag", ["--no-checks", "--draws", "--orders", "--out", "--device"])
def test_what_an_explanation_is_asked(inside, made, monkeypatch, flag):
    asked = {}

    def instead(model, inputs, methods, *rest, **options):
        asked.update(options)
        raise _AskedError

    monkeypatch.setattr("gnnvision.report.attribution_found.explain_inputs", instead)
    value = {"--draws": "3", "--orders": "21", "--out": "elsewhere", "--device": "meta"}
    flags = [flag] if flag == "--no-checks" else [flag, value[flag]]
    usual = {"checked": True, "draws": None, "orders": 20}
    changed = {"--no-checks": "checked", "--draws": "draws", "--orders": "orders"}
    if flag == "--device":
        assert inside("explain", "nodes", "3", *flags).returncode == 2
        return
    if flag == "--out":
        monkeypatch.undo()
        monkeypatch.chdir(made)
        done = inside("explain", "nodes", "3", *flags, "--no-checks")
        assert list((made / "elsewhere" / "explain").glob("*/report.html")), done.stderr
        return
    with pytest.raises(_AskedError):
        inside("explain", "nodes", "3", *flags)
    different = {name for name in usual if asked[name] != usual[name]}
    assert different == {changed[flag]}


def test_settings_of_checks_that_are_left_out(inside, made):
    done = inside("explain", "nodes", "3", "--no-checks", "--draws", "3")
    assert done.returncode == 2
    assert "'--draws' must be left out with --no-checks, got 3" in done.stderr
    done = inside("feature_maps", "pictures", "a.png", "--list", "--layer", "x")
    assert "'--layer' must be left out with --list, got ('x',)" in done.stderr


def test_where_to_and_on_what(inside, made):
    (made / "m.csv").write_text("smiles\nCCO\n")
    for script, flags in (
        ("feature_maps", ["pictures", "a.png"]),
        ("predict", ["pictures", "a.png"]),
        ("predict_molecules", ["molecules", "m.csv"]),
    ):
        out = f"elsewhere_{script}"
        done = inside(script, *flags, "--out", out)
        assert done.returncode == 0, done.stderr
        assert (made / out).exists()
        refused = inside(script, *flags, "--device", "meta")
        assert refused.returncode == 2
        assert "'--device' must be a device" in refused.stderr


def test_what_a_transfer_is_asked(inside, made, place, monkeypatch):
    """Each flag but those of data reaches the fine-tuning."""
    usual = ["--data", "photos", "--weights", "pictures"]

    def ask(*flags, base=usual):
        def instead(backbone, task, plan, seeds=None, **options):
            options.pop("data_seconds", None)
            options.pop("told", None)
            folder = options.pop("folder", None)
            held = [repr(backbone.network), described(task), plan, seeds, options]
            raise _AskedError(repr([*held, folder and folder.parent]))

        for name in ("fine_tune", "best_strategy"):
            monkeypatch.setattr(f"gnnvision.transfer.{name}", instead)
        try:
            return inside("transfer_cats_dogs", *base, *flags).stderr
        except _AskedError as error:
            return str(error)

    before = ask()
    assert before.startswith("[")
    for flags in (
        ["--strategy", "last"], ["--compare"], ["--seeds", "2"], ["--jobs", "2"],
        ["--image-size", "20"], ["--epochs", "2"], ["--out", "elsewhere"], ["--device", "meta"],
        ["--backbone", "resnet18"], ["--split", "public"], ["--evaluate-every", "epoch"],
        ["--keep-epochs"], ["--save-every", "5"], ["--parallel", "seeds"],
    ):  # fmt: skip
        assert ask(*flags) != before, flags
    other = ask(base=["--data", "broken", "--weights", "pictures"])
    assert other != before
    skipped = ask("--on-invalid", "skip", base=["--data", "broken", "--weights", "pictures"])
    assert skipped != other
    assert "nowhere" in ask("--resume", "nowhere")
    assert ask(base=["--data", "photos", "--weights", "molecules"]) != before
    assert "nowhere" in ask("--data-root", "nowhere", base=["--weights", "pictures"])
