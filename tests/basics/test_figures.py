"""The captions of the figures state what was computed, and the files contain it."""

import csv

import pytest
import torch
from PIL import Image

from gnnvision.basics import layer_from_kernels
from gnnvision.basics.chain_rule import example_computation
from gnnvision.basics.figures_chain import draw_computation_graph
from gnnvision.basics.figures_formula import (
    PRODUCT_EXAMPLE,
    draw_convolution_2d,
    draw_pattern_search,
)
from gnnvision.basics.figures_layers import draw_connectivity
from gnnvision.basics.figures_pooling import draw_pooled_photo, draw_shift_sensitivity
from gnnvision.basics.figures_signals import draw_smoothing, noisy_curve, video
from gnnvision.basics.pooling import ShiftSensitivity


def is_drawn(figure):
    """More than one color."""
    with Image.open(figure.path) as image:
        return len(image.convert("RGB").getcolors(2**24)) > 5


def test_the_window_and_its_sum(tmp_path):
    figure = draw_convolution_2d(tmp_path / "a.png", PRODUCT_EXAMPLE, "caption", (0, 1))
    assert "20·1 + 30·0 + 1·0 + 0·2 = 20 + 0 + 0 + 0 = 20" in figure.alt
    assert is_drawn(figure)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (32, 32)])
def test_a_piece_is_looked_for_in_any_photograph(tmp_path, shape):
    assert is_drawn(draw_pattern_search(tmp_path / "a.png", torch.rand(shape)))


def test_counts_of_the_three_layers(tmp_path):
    figure = draw_connectivity(tmp_path / "a.png")
    assert "fully connected 48 connections, 48 weights" in figure.alt
    assert "locally connected 18 connections, 18 weights" in figure.alt
    assert "convolution 18 connections, 3 weights" in figure.alt


def test_gradients_are_in_words(tmp_path):
    figure = draw_computation_graph(tmp_path / "a.png", example_computation(1, 1, 7))
    assert "dF/dX = 7" in figure.alt
    assert figure.caption.endswith("7 · 1 = 7.")


def test_smoothing_brings_the_curve_nearer_and_is_written_down(tmp_path):
    draw_smoothing(tmp_path / "a.png")
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    true, noisy = noisy_curve()
    assert [float(row["measured"]) for row in rows] == pytest.approx(noisy.tolist())
    far = {
        name: sum((float(row[name]) - float(row["true"])) ** 2 for row in rows)
        for name in ("measured", "mean_of_5", "mean_of_15")
    }
    assert far["mean_of_15"] < far["mean_of_5"] < far["measured"] / 3
    assert len(true) == len(rows)


def test_the_square_moves_and_the_bar_does_not():
    kernel = torch.tensor([-1.0, 1.0])[None, None, :, None, None]
    change = layer_from_kernels(kernel, padding=0)(video()[None, None])[0, 0]
    assert change.shape == (4, 24, 24)
    assert change[:, 8:16].any(2).all()
    assert not change[:, 19:22].any()


def test_changes_are_in_percent_and_in_the_file(tmp_path):
    names = ("no pooling", "max 2×2", "max 4×4", "max 8×8", "global average")
    measured = ShiftSensitivity(
        (0, 1), {name: (0.0, 0.5 / (n + 1)) for n, name in enumerate(names)}
    )
    figure = draw_shift_sensitivity(tmp_path / "a.png", measured)
    assert "change by 50 % without pooling, by 17 % after 4×4 max pooling" in figure.caption
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        assert float(list(csv.DictReader(file))[1]["max 2×2"]) == 0.25


def test_a_small_photograph_is_pooled_as_it_is(tmp_path):
    assert "64×64 pixels" in draw_pooled_photo(tmp_path / "a.png", torch.rand(64, 65)).alt
