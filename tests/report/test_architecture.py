import pytest
from matplotlib.image import imread
from torch import nn

import gnnvision as gv
from gnnvision.report import draw_network

from ..inspect.networks import lenet, path, summarized


@pytest.mark.parametrize(
    "result",
    [
        lambda: gv.summary(lenet(), gv.Grid((32, 32))),
        lambda: gv.summary(gv.models.gcn(4, 8, 3), path(6)),
        lambda: gv.summary(nn.Conv1d(2, 3, 3), gv.Grid(9)),
        lambda: gv.summary(nn.Conv3d(2, 3, 3), gv.Grid((5, 6, 7))),
        lambda: summarized("resnet152"),
    ],
    ids=["lenet", "gcn", "1-D", "3-D", "resnet152"],
)
def test_the_diagram(result, tmp_path):
    """Wide enough to read at 900 pixels, and white all around: nothing is cut off."""
    pixels = imread(draw_network(result(), tmp_path / "network.png"))[..., :3]
    assert pixels.shape[1] >= 900
    border = [pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]]
    assert all((side > 0.99).all() for side in border)
    assert (pixels < 0.9).any()


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'path' must end with \.svg or \.png, got 'a\.pdf'"):
        draw_network(gv.summary(lenet(), gv.Grid((32, 32))), tmp_path / "a.pdf")
