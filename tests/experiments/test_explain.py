"""`experiments/explain.py` as a user runs it."""

import csv

import numpy as np
import pytest

from ..cli.checkpoints import graphs_in, of_graphs
from .conftest import folder, one_line_error


@pytest.mark.parametrize(
    ("inputs", "methods", "values"),
    [
        (("pictures", "a.png"), ["grad_cam", "integrated_gradients", "occlusion"], 3),
        (("molecules", "c1ccccc1O"), ["grad_cam", "integrated_gradients", "occlusion"], 1),
        pytest.param(
            ("nodes", "3"),
            ["gradient", "input_gradient", "integrated_gradients"],
            1,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_three_methods_side_by_side(inside, made, inputs, methods, values):
    done = inside("explain", *inputs)
    assert done.returncode == 0, done.stderr
    run = folder(done, made)
    assert run.parent == made / "runs" / "explain"
    with (run / "attributions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == methods
    for row in rows:
        assert row["verdict"] in (
            "depends on the model", "fails the parameter-randomization test", "undecided"
        )  # fmt: skip
        assert row["random_orders"] == "20"
        if row["similarity_after_randomization"] == "":
            assert "constant" in row["verdict_reason"] + row["notes"]
            continue
        assert abs(float(row["similarity_after_randomization"])) <= 1
        assert row["deletion_area"]
        assert row["random_insertion_area"]
        if row["method"] == "integrated_gradients":
            assert float(row["completeness_gap"]) < 0.1
    held = np.load(run / "attributions.npz")
    assert list(held) == [f"1_{method}" for method in methods]
    assert all(held[name].ndim == values for name in held)
    text = (run / "report.html").read_text(encoding="utf-8")
    for words in (
        "Explanations of a network",
        "Prediction:",
        "Parameter-randomization test",
        "1810.03292",
        "explain.py",
    ):
        assert words in text
    figures = {path.name for path in (run / "figures").iterdir()}
    assert figures == {f"attribution_1_{name}.png" for name in ("input", *methods)} | {
        "curves_1_deletion.svg", "curves_1_insertion.svg", "randomization_1.svg"
    }  # fmt: skip
    with (run / "randomization.csv").open(encoding="utf-8") as file:
        stages = list(csv.DictReader(file))
    for row in rows:
        own = [stage for stage in stages if stage["method"] == row["method"]]
        assert len(own) > 1
        if row["similarity_after_randomization"]:
            last = float(row["similarity_after_randomization"])
            assert float(own[-1]["similarity"]) == pytest.approx(last)


def test_a_graph_of_a_set(inside, tmp_path, monkeypatch):
    monkeypatch.setenv("GNNVISION_DATA", str(graphs_in(tmp_path / "data")))
    of_graphs(tmp_path / "run")
    done = inside("explain", "run", "1", "--target", "yes", "--no-checks")
    assert done.returncode == 0, done.stderr
    run = folder(done, tmp_path)
    with np.load(run / "attributions.npz") as held:
        assert {name: held[name].shape for name in held} == {
            f"1_{method}": (3,) for method in ("grad_cam", "integrated_gradients", "occlusion")
        }
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "The maps explain the output “yes”." in text
    assert "1 node of type 2" in text


def test_methods_target_and_layer_by_name(inside, made):
    flags = ("--method", "guided-gradient", "grad-cam", "--target", "1", "--layer", "0")
    done = inside("explain", "molecules", "CCO", "CCN", *flags, "--no-checks", "--out", "there")
    assert done.returncode == 0, done.stderr
    run = folder(done, made)
    assert run.parent == made / "there" / "explain"
    with (run / "attributions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["input"], row["method"], row["layer"]) for row in rows] == [
        ("CCO", "guided_gradient", ""),
        ("CCO", "grad_cam", "0"),
        ("CCN", "guided_gradient", ""),
        ("CCN", "grad_cam", "0"),
    ]
    assert len({row["target"] for row in rows}) == 1
    assert not any(row["verdict"] or row["deletion_area"] for row in rows)
    assert not list((run / "figures").glob("curves*"))


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("pictures", "a.png", "--method", "gradcam"), "Did you mean 'grad_cam'?"),
        (("pictures", "a.png", "--target", "99"), "'--target' must be a number from 0 to"),
        (("pictures", "a.png", "--target", "dragon"), "'--target' must be an output of the"),
        (("pictures", "a.png", "--layer", "2.conv.1"), "Did you mean '2.convs.1'"),
        (
            ("pictures", "a.png", "--layer", "6"),
            "must have an output with sites (pixels or nodes), got '6'",
        ),
        (
            ("pictures", "a.png", "--method", "gradient", "--layer", "0"),
            "'--layer' must be left out",
        ),
        (("pictures", "a.png", "--draws", "0"), "'--draws' must be at least 1, got 0"),
        (("pictures", "CCO"), "must be an image file for"),
        (("molecules", "a.png"), "must be SMILES for a network trained on"),
        (("nowhere", "a.png"), "there is no best.safetensors"),
    ],
)
def test_user_errors_exit_with_one_line(inside, made, flags, text):
    one_line_error(inside("explain", *flags), text)
    assert not (made / "runs").exists()
