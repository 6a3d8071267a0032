import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gnnvision.report.embed import embed, markup, size
from gnnvision.report.style import BACKGROUND, INK, drawing


@pytest.fixture
def photograph(tmp_path):
    """A PNG that is large, as of a photograph: a wave and noise."""
    y, x = np.mgrid[:700, :800]
    wave = 120 + 60 * np.sin(x / 40) + 30 * np.cos(y / 25)
    noise = np.random.default_rng(0).normal(0, 6, (700, 800, 3))
    pixels = np.clip(wave[..., None] + noise, 0, 255).astype(np.uint8)
    path = tmp_path / "photograph.png"
    Image.fromarray(pixels).save(path)
    return path, pixels


def test_drawings_are_embedded_as_they_are(tmp_path):
    path = tmp_path / "drawing.png"
    Image.new("RGB", (300, 200), "white").save(path)
    kind, data = embed(path).split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == path.read_bytes()
    assert size(path) == (300, 200)


def test_photographs_are_packed_and_look_the_same(photograph):
    path, pixels = photograph
    kind, data = embed(path).split(",")
    assert kind == "data:image/webp;base64"
    assert 3 * len(data) < path.stat().st_size
    with Image.open(BytesIO(base64.b64decode(data))) as packed:
        seen = np.asarray(packed.convert("RGB"), dtype=float)
    assert seen.shape == pixels.shape
    assert np.abs(seen - pixels).mean() < 8


@pytest.fixture
def plot(tmp_path):
    path = tmp_path / "plot.svg"
    with drawing(path, 2) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [1, 0], color=INK)
        axes.set_title("a < b")
    return path


def test_an_svg_is_inline_with_its_description_and_the_colors_of_the_page(plot):
    html = str(markup(plot, 'Line plot of "a" & <b>.'))
    assert html.startswith("<svg ")
    assert html.endswith("</svg>")
    assert 'role="img" aria-label="Line plot of &quot;a&quot; &amp; &lt;b&gt;."' in html
    width, height = (int(re.search(rf' {name}="(\d+)"', html)[1]) for name in ("width", "height"))
    assert 480 < width < 540  # 5.4 inches of 96 pixels
    assert 180 < height < 210
    for name, color in {"ink": INK, "figure": BACKGROUND}.items():
        assert f"var(--{name}, {color})" in html
    assert "a &lt; b</text>" in html
    assert "xlink" not in html


def test_figures_of_one_page_share_no_id(plot):
    one, other = (str(markup(plot, alt)) for alt in ("one", "other"))
    assert one != other
    for html in (one, other):
        ids = set(re.findall(r' id="([^"]+)"', html))
        used = set(re.findall(r"url\(#([^)]+)\)", html)) | set(
            re.findall(r'href="#([^"]+)"', html)
        )
        assert used == ids != set()
    assert not set(re.findall(r' id="([^"]+)"', one)) & set(re.findall(r' id="([^"]+)"', other))


def test_a_png_is_an_image_with_its_size(tmp_path):
    path = tmp_path / "drawing.png"
    Image.new("RGB", (300, 200), "white").save(path)
    html = str(markup(path, "<a>"))
    assert html == f'<img src="{embed(path)}" width="300" height="200" alt="&lt;a&gt;">'


def test_a_color_with_transparency_stays_as_it_is(tmp_path):
    """A variable takes no digits of transparency: such shapes would be black."""
    path = tmp_path / "atoms.svg"
    shapes = '<circle style="fill:#0072B29D"/><circle style="fill: #0072B2"/>'
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{shapes}</svg>')
    html = str(markup(path, "atoms"))
    assert "fill:#0072B29D" in html
    assert "fill: var(--class-1, #0072B2)" in html
