import numpy as np
import pytest
import torch
from PIL import Image

from gnnvision.report.sheet import Tile, as_tile, draw_sheet, even, sheet_path, signed


def colors(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_pixels_of_a_tile(channels):
    image = torch.arange(channels * 6, dtype=torch.uint8).view(channels, 2, 3)
    tile = as_tile(image, ["a"])
    if channels == 3:
        assert np.array_equal(tile.pixels, image.permute(1, 2, 0).numpy())
    else:
        assert np.array_equal(tile.pixels, image.float().mean(0).round().numpy())


def test_signed_numbers_keep_their_zero():
    assert signed(np.array([[0.0, -2.0, 1.0]])).tolist() == [[0, -1, 0.5]]
    assert signed(np.zeros((1, 2))).tolist() == [[0, 0]]


@pytest.mark.parametrize(("count", "most", "columns"), [(9, 8, 5), (32, 8, 8), (3, 8, 3)])
def test_rows_of_nearly_the_same_length(count, most, columns):
    assert even(count, most) == columns


def test_small_images_have_crisp_pixels(tmp_path):
    """Of two pixels, one black and one red, nothing in between is drawn inside the tile."""
    image = torch.zeros(3, 1, 2, dtype=torch.uint8)
    image[0, 0, 1] = 255
    seen = colors(draw_sheet(tmp_path / "sheet.png", [as_tile(image)], 1))
    red = (seen == (255, 0, 0)).all(2)
    rows = red.sum(1)
    assert rows.max() > 0.45 * seen.shape[1]
    middle = seen[seen.shape[0] // 2]
    between = ~(middle == (255, 0, 0)).all(1) & ~(middle == 0).all(1)
    assert between.sum() < 0.08 * len(middle)  # no more than the edge and the margin


def test_the_sheet_is_as_tall_as_its_rows(tmp_path):
    tiles = [as_tile(torch.zeros(1, 4, 4, dtype=torch.uint8))] * 6
    one = colors(draw_sheet(tmp_path / "one.png", tiles, 6)).shape
    two = colors(draw_sheet(tmp_path / "two.png", tiles, 3)).shape
    assert one[1] == pytest.approx(two[1], abs=10)
    assert two[0] == pytest.approx(4 * one[0], rel=0.15)


def test_few_tiles_are_no_larger_than_many(tmp_path):
    tile = Tile(np.full((4, 4), 0, dtype=np.uint8), ["a name", "another"])
    wide = colors(draw_sheet(tmp_path / "two.png", [tile] * 2, 4))
    full = colors(draw_sheet(tmp_path / "four.png", [tile] * 4, 4))
    assert wide.shape[0] == pytest.approx(full.shape[0], abs=4)


def test_long_names_keep_to_two_lines(tmp_path):
    short = Tile(np.zeros((4, 4), dtype=np.uint8), ["x"])
    long = Tile(np.zeros((4, 4), dtype=np.uint8), ["word " * 40])
    plain = colors(draw_sheet(tmp_path / "short.png", [short] * 5, 5)).shape
    more = colors(draw_sheet(tmp_path / "long.png", [long] * 5, 5)).shape
    assert more[1] == pytest.approx(plain[1], abs=10)
    assert 0 < more[0] - plain[0] < 50


def test_small_images_are_drawn_as_svg_each_with_its_own_pixels(tmp_path):
    tiles = [Tile(np.zeros((28, 28), dtype=np.uint8), ["zero"])] * 3
    path = draw_sheet(sheet_path(tmp_path / "sheet", tiles), tiles, 3)
    assert path.name == "sheet.svg"
    svg = path.read_text()
    assert svg.count('width="28" height="28"') == svg.count(">zero</text>") == 3
    assert sheet_path(tmp_path / "v1.0", [Tile(np.zeros((100, 75, 3)))]).name == "v1.0.png"


def test_wide_letters_are_wrapped_earlier(tmp_path):
    svgs = []
    for name in ("abcde fghij", "호랑이의종 호랑이의종"):
        tiles = [Tile(np.zeros((28, 28), dtype=np.uint8), [name])] * 5
        svgs.append(draw_sheet(tmp_path / f"{len(svgs)}.svg", tiles, 5).read_text())
    assert ">abcde fghij</text>" in svgs[0]
    assert svgs[1].count(">호랑이의종</text>") == 10  # each in two lines
