import numpy as np
import pytest
import torch
from PIL import Image

import gnnvision as gv
from gnnvision.data.images import from_dataset

from . import made


class Pairs(torch.utils.data.Dataset):
    """A dataset of one's own."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels
        self.classes = ["cat", "dog", "owl"]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


PIXELS = [made.pixels(n) for n in range(30)]
LABELS = [n % 3 for n in range(30)]


@pytest.mark.parametrize("form", ["pil", "array", "float tensor", "tensor labels"])
def test_items_in_every_form(form):
    images = {
        "pil": [Image.fromarray(p) for p in PIXELS],
        "array": PIXELS,
        "float tensor": [torch.from_numpy(p.copy()).permute(2, 0, 1) / 255 for p in PIXELS],
        "tensor labels": PIXELS,
    }[form]
    labels = torch.tensor(LABELS) if form == "tensor labels" else LABELS
    task = from_dataset(Pairs(images, labels))
    assert (task.name, task.class_names, task.kind) == (
        "pairs", ("cat", "dog", "owl"), "classification",
    )  # fmt: skip
    assert (task.images.permute(0, 2, 3, 1).numpy() == np.stack(PIXELS)).all()
    assert task.y.tolist() == LABELS
    assert task.split.sizes == {"train": 24, "val": 3, "test": 3}


def test_several_datasets_are_the_splits():
    parts = [Pairs(PIXELS[a:b], LABELS[a:b]) for a, b in ((0, 20), (20, 24), (24, 30))]
    task = from_dataset(*parts, name="mine")
    assert task.split == gv.data.Split("x", range(20), range(20, 24), range(24, 30))
    held = from_dataset(parts[0], test=parts[2])
    assert held.split.sizes == {"train": 18, "val": 2, "test": 6}
    assert held.split.test.tolist() == list(range(20, 26))


def test_torchvision(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    for name, start in (("cat", 0), ("dog", 10)):
        for n in range(start, start + 10):
            file = tmp_path / name / f"{n}.png"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(made.encoded(PIXELS[n]))
    task = from_dataset(torchvision.datasets.ImageFolder(str(tmp_path)), image_size=6)
    assert (task.name, task.class_names) == ("imagefolder", ("cat", "dog"))
    assert task.images.shape == (20, 3, 6, 6)
    from_folder = gv.data.images.load(tmp_path, image_size=6)
    assert task.images.equal(from_folder.images)


def test_gray_and_color_and_sizes():
    gray = [Image.fromarray(made.pixels(n, channels=1)) for n in range(15)]
    task = from_dataset(Pairs([*gray, *(Image.fromarray(p) for p in PIXELS[15:])], LABELS))
    assert task.in_channels == 3
    assert (task.images[0][0] == torch.from_numpy(np.array(gray[0]))).all()
    mixed = [*PIXELS[:29], made.pixels(29, size=(20, 20))]
    with pytest.raises(ValueError, match="'train' must have images of one size"):
        from_dataset(Pairs(mixed, LABELS))
    assert from_dataset(Pairs(mixed, LABELS), image_size=(5, 7)).grid == gv.Grid((5, 7))


@pytest.mark.parametrize(
    ("dataset", "kind", "fault"),
    [
        (iter([]), TypeError, "'train' must be a map-style dataset"),
        (torch.arange(3), TypeError, r"'train' must have items \(image, label\)"),
        (Pairs(["a.png"], [0]), TypeError, "'train' must have images in its items"),
        (Pairs([], []), ValueError, "'images' must not be empty"),
    ],
)
def test_what_is_no_dataset(dataset, kind, fault):
    with pytest.raises(kind, match=fault):
        from_dataset(dataset)
