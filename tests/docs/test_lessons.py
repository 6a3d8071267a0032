"""The facts of the lectures, part A and C9, in the lessons on convolution."""

import re

import pytest
import torch
from PIL import Image

from .lessons import LESSONS, printed, run_lesson

pytestmark = pytest.mark.slow  # each lesson takes a few seconds
NAMES = ("convolution", "kernels", "counting", "exercises", "pooling", "gradients")


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """The names that a lesson leaves and the text that it shows; each runs once."""
    done = {}

    def run(name):
        if name not in done:
            names, outputs = run_lesson(name, tmp_path_factory.mktemp(name))
            done[name] = names, printed(outputs), outputs
        return done[name]

    return run


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_drawn(lessons, name):
    _, _, outputs = lessons(name)
    figures = [one.path for cell in outputs for one in cell if one.path]
    assert len(figures) >= {"exercises": 0, "gradients": 1, "kernels": 10}.get(name, 3)
    for path in figures:
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(2**24)) > 5


@pytest.mark.parametrize("name", NAMES)
def test_exercises_come_before_hidden_solutions(name):
    text = (LESSONS / f"{name}.md").read_text(encoding="utf-8")
    exercises, solutions = text.count("{admonition} Exercise"), text.count("[hide-cell]")
    assert 0 < exercises <= solutions
    assert text.index("{admonition} Exercise") < text.index("[hide-cell]")


def test_convolution_by_the_formula(lessons):  # A4
    names, text, _ = lessons("convolution")
    assert names["results"]["output"] == [[12, 20, 32], [0, 21, 40], [50, 40, 70]]
    assert names["results"]["cross_output"] == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    assert names["results"]["output_kernel_turned"] == [[21, 40, 61], [0, 12, 20], [70, 20, 50]]
    assert names["results"]["signal_output"] == [0, 0, 0, 7, 7, 0]
    assert "2·(-1) + 9·0 + 9·1\n= -2 + 0 + 9\n= 7" in text
    assert re.search(r"ten times the kernel +20 +1.00", text)
    assert re.search(r"the opposite +-2 +-1.00", text)


def test_output_sizes(lessons):  # A1
    names, text, _ = lessons("convolution")
    sizes = {tuple(one.values())[:4]: one["output"] for one in names["results"]["sizes"]}
    assert sizes == {
        (28, 10, 2, 0): 10, (100, 3, 2, "same"): 50, (5, 3, 2, 1): 3, (4, 3, 1, "valid"): 2,
        (4, 3, 1, "same"): 4, (4, 3, 1, "full"): 6, (256, 11, 1, "valid"): 246,
        (28, 10, 1, "same"): 28, (4, 2, 1, "valid"): 3,
    }  # fmt: skip
    for line in re.findall(r"(?m)^(\d|\d \w+|\w+ \w+) \(1, 1, (\d+), \2\) (\d+)$", text):
        assert line[1] == line[2]
    assert "1 full (1, 1, 102, 102) 102" in text


def test_kernels_on_a_photograph(lessons):  # A5, A6, A8
    names, text, _ = lessons("kernels")
    vertical, results = names["vertical"], names["results"]
    assert vertical[:, 2].tolist() == [1, 1, 1]
    assert vertical[:, 0].tolist() == [-1, -1, -1]
    gray = names["gray"]
    difference = gray[9:12, 12].sum() - gray[9:12, 10].sum()
    assert names["maps"]["vertical edges"][10, 11] == pytest.approx(float(difference), abs=1e-5)
    assert names["maps"]["vertical edges"].shape == gray.shape
    assert results["found"] == {"dot": False, "centered": True}
    assert results["smoothing_error"][15] < results["smoothing_error"][5] < 0.13
    assert results["smoothing_error"][1] > 0.3
    assert results["shapes"] == {
        "a": [1, 116], "b": [1, 28, 28], "c": [1, 4, 22, 22], "d": [16, 28, 28],
        "e": [1, 1, 22, 22],
    }  # fmt: skip
    assert names["change"][:, 19:22].abs().max() < 1e-6  # the bar that does not move
    assert names["change"].abs().max() > 0.5
    assert "the sum of the three maps: True" in text
    assert "120,422,400 multiplications, or 12,443,648 through 16 channels" in text


def test_zeros_make_an_edge_at_the_border_and_copies_do_not(lessons):
    edges = lessons("kernels")[0]["edges"]
    inside = edges["zeros"][:, 1:-1]
    for mode in ("replicate", "reflect"):
        assert torch.allclose(edges[mode][1:-1, 1:-1], edges["zeros"][1:-1, 1:-1])
    border = {mode: float(values[:, 0].abs().mean()) for mode, values in edges.items()}
    assert border["zeros"] > 3 * border["replicate"]
    assert border["zeros"] > float(inside.abs().mean())


def test_parameters(lessons):  # A2
    names, text, _ = lessons("counting")
    results = names["results"]
    assert results["alexnet"] == [34_944, 614_656, 885_120, 1_327_488, 884_992]
    assert results["alexnet_total"] == 3_747_200
    assert results["conv_64_kernels"] == {5: 1_664, 10: 6_464}
    assert results["conv_120_kernels"] == 34_680
    assert "= 3²·64·32 + 32\n= 18,432 + 32 = 18,464" in text
    assert "f²·C·N + N\n= 11²·3·96 + 96\n= 34,848 + 96 = 34,944" in text
    assert "\n34944\n" in text  # of the layer itself


def test_what_sharing_saves(lessons):  # A7, A10
    names, text, _ = lessons("counting")
    results = names["results"]
    assert results["connections"] == {
        "full": {"edges": 100 * 98, "weights": 100 * 98},
        "local": {"edges": 3 * 98, "weights": 3 * 98},
        "shared": {"edges": 3 * 98, "weights": 3},
    }
    assert (results["convolution"], results["dense"]) == (4_864, 154_190_848)
    assert "31,700 times fewer parameters, 41 times fewer multiplications" in text
    assert "256 entries, 100 connections, 9 weights" in text
    assert re.findall("(?m)^(True|False)$", text) == ["True"] * 3  # the matrix is the layer


def test_exercises(lessons):  # A3
    names, text, _ = lessons("exercises")
    results = names["results"]
    assert results["28×28×3"]["parameters"] == [896, 18_496, 0, 501_770, 551_936]
    assert results["28×28×3"]["outputs"][:3] == [[28, 28, 32], [28, 28, 64], [50_176]]
    second = results["100×75×3, stride 2"]
    assert second["outputs"][:3] == [[50, 38, 32], [25, 19, 64], [13, 10, 128]]
    assert second["parameters"] == [896, 18_496, 73_856, 0, 166_410]
    assert (results["lenet_convolutions"], results["lenet_dense"]) == (50_692, 11_014)
    assert results["lenet_notes"] == 3_692
    assert results["program_parameters"] == 545_546
    assert "= floor((100 + 2·1 - 3) / 2) + 1\n" in text.replace("  ", "")
    assert "'kernel_size' must fit into the padded input" in text


def test_pooling(lessons):  # A9
    names, text, _ = lessons("pooling")
    results = names["results"]
    assert results["max_2x2"] == [[5, 8], [7, 6]]
    assert results["overlapping"] == [[5, 8], [7, 7]]
    assert [results[f"global_{name}"] for name in ("max", "average", "min")] == [8, 3.8125, 1]
    assert results["sizes"] == [3, 50, 14]
    assert "(1, 16, 50, 50) 0 parameters\nTrue" in text
    assert "(16,)" in text
    change = {name: values[1] for name, values in results["change"].items()}
    assert change["global average"] < change["max 8×8"] < change["max 4×4"] < change["max 2×2"]
    assert change["max 2×2"] < change["no pooling"]
    assert f"{change['max 2×2']:.0%}" == "55%"  # as the erratum says


def test_the_chain_rule(lessons):  # C9
    names, text, _ = lessons("gradients")
    results = names["results"]
    assert results["values"] == {"X": 2, "Y": 3, "Z": 4, "A": 5, "F": 20}
    assert results["gradients"] == {"X": 4, "Y": 4, "Z": 5, "A": 4, "F": 1}
    assert results["copies"] == {"x.clone()": 5, "x.detach()": 2, "x.clone().detach()": 2}
    assert results["two_paths"] == 4
    assert "∂F/∂X = 4.0  ∂F/∂Y = 4.0  ∂F/∂Z = 5.0" in text
    assert "Z: ('F',)" in text
    assert "tensor([7., 1., 1.], requires_grad=True)" in text
    assert "\nTrue\n" in text  # a shared weight's gradient is the sum over all windows


def test_your_own_photograph(tmp_path):
    Image.radial_gradient("L").resize((90, 70)).save(tmp_path / "a.png")
    for name in ("kernels", "pooling"):
        names, outputs = run_lesson(name, tmp_path, photo=tmp_path / "a.png")
        assert names["results"]["photo"] == "a.png"
        assert "danielbuechele" not in printed(outputs)
