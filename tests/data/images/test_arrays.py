import numpy as np
import pytest

from gnnvision.data.images.arrays import ImageArrays

GOOD = {
    "images": np.zeros((3, 4, 4, 1), dtype=np.uint8),
    "y": np.array([0, 1, 0]),
    "split": np.zeros(3, dtype=np.uint8),
    "class_names": ("a", "b"),
    "names": ("x", "y", "z"),
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"images": np.zeros((3, 4, 4), dtype=np.uint8)}, "images have shape"),
        ({"images": np.zeros((3, 4, 4, 1))}, "images are float64"),
        ({"y": np.array([0, 1])}, "labels, splits and images differ"),
        ({"y": np.array([0, 1, 2])}, "a label is 2, there are 2 classes"),
        ({"y": np.array([0, -1, 1])}, "a label is -1"),
        ({"split": np.full(3, 3, dtype=np.uint8)}, "a split is not 0, 1 or 2"),
        ({"names": ("x",)}, "1 names for 3 images"),
    ],
)
def test_arrays_that_do_not_fit(change, fault):
    with pytest.raises(ValueError, match=f"arrays are invalid: {fault}"):
        ImageArrays(**(GOOD | change))


def test_hashes_follow_the_content():
    whole = ImageArrays(**GOOD)
    other = ImageArrays(**(GOOD | {"y": np.array([0, 1, 1])}))
    renamed = ImageArrays(**(GOOD | {"names": ("x", "y", "w")}))
    assert whole.hash == renamed.hash != other.hash
    assert whole.checksum() != renamed.checksum()
