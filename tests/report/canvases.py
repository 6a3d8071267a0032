"""What canvases draw, as pixels."""

import numpy as np
from PIL import Image

from gnnvision.report.layer_canvas import FIELD, two_colors
from gnnvision.report.style import drawing, plain_axes

ORANGE = tuple(int(FIELD[i : i + 2], 16) for i in (1, 3, 5))


def drawn(path, draw, aspect=1.0):
    """What a canvas draws, as pixels."""
    with drawing(path, 2 * aspect, 2) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        plain_axes(axes)
        draw(axes)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def near(pixels, color, most=30):
    return np.abs(pixels - np.array(color)).max(2) <= most


def colors(share):
    return tuple(round(255 * part) for part in two_colors()(share)[:3])
