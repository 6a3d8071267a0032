import numpy as np

from gnnvision.data import load


def test_the_digits_of_scikit_learn():
    from sklearn.datasets import load_digits

    task, held = load("digits"), load_digits()
    there = np.rint(held.images * 255 / 16)
    assert np.array_equal(task.images_at(range(len(there)))[:, 0], there)
    assert task.y.tolist() == held.target.tolist()
    assert (task.name, task.in_channels, task.num_classes) == ("digits", 1, 10)
    assert task.split.sizes == {"train": 1257, "val": 180, "test": 360}
    assert np.bincount(task.y).tolist() == task.card.facts["class_sizes"]
    first = task.images_at([0])[0, 0]
    assert first[0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]  # 5, 13, 9, 1 of 16
    assert task.images.unique().tolist() == np.rint(np.arange(17) * 255 / 16).tolist()
