import numpy as np
from PIL import Image

from gnnvision.explain.sanity import FAILS_ABOVE
from gnnvision.report.attribution_draw import line_styles
from gnnvision.report.attribution_stages import draw_stages

from .canvases import near


def rgb(color):
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def height(path, color):
    """Where a line of this color ends on the right, as a row of pixels."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    rows, columns = np.where(near(pixels[: int(0.7 * len(pixels))], rgb(color), 20))
    return rows[columns > columns.max() - 12].mean()


def test_a_map_that_survives_ends_above_one_that_does_not(tmp_path):
    layers = ["head", "blocks.1.conv", "blocks.0.conv"]
    found = {
        "gradient": list(zip(layers, [[0.9], [0.85], [0.8, 0.7]], strict=True)),
        "grad_cam": list(zip(layers, [[0.4], [0.1], [0.05, -0.05]], strict=True)),
    }
    path = draw_stages(tmp_path / "a.png", found)
    first, second = (height(path, color) for color, _ in line_styles()[:2])
    with Image.open(path) as image:
        tall = image.height
    assert second - first > 0.2 * tall
    assert FAILS_ABOVE == 0.5
