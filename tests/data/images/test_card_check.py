import numpy as np
import pytest

from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.card_check import check_against_card

from .. import made

FACTS = {
    "num_train": 3, "num_test": 1, "size": [2, 2], "channels": 1, "class_sizes": [2, 2],
    "mean": [0.4], "std": [0.2828],
}  # fmt: skip


def arrays(levels=(51, 51, 204, 9)):
    images = np.array(levels, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(2, 1).repeat(2, 2)
    part = np.array([0, 0, 0, 2], dtype=np.uint8)
    return ImageArrays(images, np.array([0, 1, 0, 1]), part, ("a", "b"))


def test_the_right_pictures_pass():
    check_against_card(made.card(facts=FACTS), arrays())


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"num_train": 60000}, "num_train 3, not 60000"),
        ({"class_sizes": [3, 1]}, r"class_sizes \[2, 2\], not \[3, 1\]"),
        ({"mean": [0.41]}, r"mean \[0.4\], not \[0.41\]"),
        ({"std": [0.28]}, r"std \[0.2828\], not \[0.28\]"),
    ],
)
def test_other_pictures_are_said_loudly(facts, fault):
    with pytest.warns(UserWarning, match=f"These are not the published files of Tiny: {fault}"):
        check_against_card(made.card(facts=FACTS | facts), arrays())
