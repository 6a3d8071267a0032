"""Figures are saved as PNG or as light SVG, cropped and reproducible."""

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from gnnvision.report import save
from gnnvision.report.style import DPI, INK, MATRIX_MAP, drawing, legend_below


def draw(path, matrix=False):
    rng = np.random.default_rng(0)
    with drawing(path, 3) as figure:
        axes = figure.add_subplot()
        if matrix:
            axes.imshow(rng.random((3, 4)), cmap=MATRIX_MAP)
            axes.grid(False)
        else:
            for label in ("cat & dog", "강아지"):
                axes.scatter(*rng.random((2, 5)), label=label)
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


def test_too_many_points_become_one_image(tmp_path, monkeypatch):
    assert "<image" not in draw(tmp_path / "few.svg").read_text()
    monkeypatch.setattr(save, "MOST_POINTS", 9)
    assert draw(tmp_path / "many.svg").read_text().count("<image") == 1


def test_discs_of_one_look_are_one_path_in_which_each_has_its_place(tmp_path):
    x = np.linspace(0, 1, 4)
    with drawing(tmp_path / "a.svg", 2) as figure:
        axes = figure.add_subplot()
        axes.set_position((0, 0, 1, 1))
        axes.scatter(x, x, s=25, lw=0, c=INK, alpha=0.5)
        axes.scatter(x, 1 - x, s=25, marker="s", lw=0, c="#00ff00")
        axes.scatter(x, x, s=25, c="none", edgecolors=INK)
    svg = (tmp_path / "a.svg").read_text()
    (discs,) = re.findall(r'<path d="([^"]*h0)" style="([^"]*)"', svg)
    places = np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", discs[0]), dtype=float)
    assert len(places) == 4
    np.testing.assert_allclose(
        np.diff(places, axis=0), np.diff(places, axis=0)[:1].repeat(3, 0), atol=0.02
    )
    assert discs[1] == (
        f"fill: none; stroke: {INK}; stroke-opacity: 0.5; stroke-width: 5; stroke-linecap: round"
    )
    squares, rings = re.findall(r'<g style="([^"]*)">((?:<use [^>]*/>)*)</g>', svg)
    assert squares[0] == "fill: #00ff00"
    assert rings[0].startswith(f"fill: none; stroke: {INK}")
    for _, uses in (squares, rings):
        assert len(re.findall(r'x="[\d.]+" y="[\d.]+"/>', uses)) == 4
    ElementTree.fromstring(svg)


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
