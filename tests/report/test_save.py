"""Figures are saved as PNG or as light SVG, cropped and reproducible."""

import re

import matplotlib
import numpy as np
import pytest
from PIL import Image

from gnnvision.report.save import MOST_POINTS
from gnnvision.report.style import DPI, INK, MATRIX_MAP, drawing, legend_below


def draw(path, points=10, matrix=False):
    rng = np.random.default_rng(0)
    with drawing(path, 3) as figure:
        axes = figure.add_subplot()
        if matrix:
            axes.imshow(rng.random((3, 4)), cmap=MATRIX_MAP)
            axes.grid(False)
        else:
            for label in ("cat & dog", "강아지"):
                axes.scatter(*rng.random((2, points // 2)), label=label)
            legend_below(figure, axes.get_legend_handles_labels()[0])
        axes.set(xlabel="epoch", ylabel="loss")
    return path


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_figure_is_the_same_file(tmp_path, ending):
    first = draw(tmp_path / f"a.{ending}").read_bytes()
    assert draw(tmp_path / f"b.{ending}").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{ending}", f"b.{ending}"]


def test_text_of_an_svg_stays_text_in_a_font_that_every_system_has(tmp_path):
    svg = draw(tmp_path / "a.svg").read_text()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"epoch", "loss", "cat &amp; dog", "강아지"} <= set(texts)
    for families in re.findall(r"font-family: ([^;\"]*)", svg):
        assert families.startswith("'DejaVu Sans', Verdana")
        assert families.endswith(", sans-serif")
    assert not re.search(r"<metadata|<style|<\?xml|<!DOCTYPE|\d\.\d{3,}\D*\"[^>]*> *$", svg)


def test_many_points_become_one_image_and_few_stay_vectors(tmp_path):
    few = draw(tmp_path / "few.svg", MOST_POINTS).read_text()
    many = draw(tmp_path / "many.svg", MOST_POINTS + 2).read_text()
    assert (few.count("<image"), many.count("<image")) == (0, 1)
    assert few.count("<use") - many.count("<use") == MOST_POINTS


def test_a_matrix_is_its_own_few_pixels(tmp_path):
    svg = draw(tmp_path / "a.svg", matrix=True).read_text()
    (image,) = re.findall(r"<image[^>]*>", svg)
    assert 'width="4" height="3"' in image
    assert "pixelated" in image


def test_the_matrix_map_is_clear_at_zero_and_leaves_text_readable(tmp_path):
    draw(tmp_path / "a.svg", matrix=True)  # which registers it
    colors = matplotlib.colormaps[MATRIX_MAP]([0.0, 0.5, 1.0])
    assert colors[:, 3] == pytest.approx([0, 0.5, 1], abs=0.01)
    assert colors[2, :3] @ (0.2126, 0.7152, 0.0722) < 0.4  # white text on it


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_nothing_that_sticks_out_is_cut_off_and_no_border_is_left(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    with drawing(path, 2, 2) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.25, 0.25, 0.5, 0.5))
        axes.set(xticks=[], yticks=[])
        axes.text(1.6, 0.5, "outside", color=INK)
    if ending == "svg":
        view = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', path.read_text())
        width, height = (float(side) / 72 for side in view.groups())
    else:
        with Image.open(path) as image:
            width, height = (side / DPI for side in image.size)
    assert 1.6 + 0.3 < width < 1.6 + 0.9
    assert 1.1 < height < 1.25
