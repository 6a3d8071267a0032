import csv

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import read_table
from gnnvision.data.images.listed import looks_like_image_table

from .. import made_files
from . import made

load = gv.data.images.load
N = 30


@pytest.fixture
def photos(tmp_path):
    """Thirty images of one size next to a table."""
    files = {f"img/{n}.png": made.encoded(made.pixels(n)) for n in range(N)}
    return made_files.write(tmp_path / "set", files)


def table(folder, columns, name="labels.csv", delimiter=","):
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return folder / name


FILES = [f"img/{n}.png" for n in range(N)]
PETS = ["cat", "dog", "owl"] * 10


def pixels_of(task, row):
    return task.images[row].permute(1, 2, 0).numpy()


def test_classes(photos):
    task = load(table(photos, {"file": FILES, "pet": PETS}))
    assert (task.name, task.kind, task.class_names) == (
        "labels", "classification", ("cat", "dog", "owl"),
    )  # fmt: skip
    assert task.y.tolist() == [0, 1, 2] * 10
    assert task.split.sizes == {"train": 24, "val": 3, "test": 3}
    assert [PETS[i] for i in task.split.test] != ["cat"] * 3
    assert all((pixels_of(task, row) == made.pixels(row)).all() for row in range(N))
    assert task.item_names == tuple(FILES)
    assert not task.reasons
    train = torch.from_numpy(task.split.train.copy())
    assert task.mean == pytest.approx((task.images[train].double() / 255).mean((0, 2, 3)).tolist())
    shown = task.overview()
    assert shown["columns"] == (
        "'file' has the files (found by its values); 'pet' predicted (the other column)"
    )
    assert task.with_seed(4).split == load(photos / "labels.csv", seed=4).split != task.split


def test_several_labels_and_numbers(photos):
    day, night = [n % 2 for n in range(N)], [int(n > 4) for n in range(N)]
    path = table(photos, {"id": range(N), "path": FILES, "day": day, "night": night})
    task = load(path)
    assert (task.kind, task.class_names) == ("multilabel", ("day", "night"))
    assert task.y.tolist() == [list(map(float, pair)) for pair in zip(day, night, strict=True)]
    ages = [n / 3 if n % 5 else "" for n in range(N)]
    task = load(table(photos, {"photo": FILES, "age": ages, "size": range(N)}), targets="age")
    assert (task.kind, task.class_names, task.num_outputs) == ("regression", ("age",), 1)
    assert task.y[3].item() == pytest.approx(1.0)
    assert task.y[5].isnan()
    assert task.reasons == dict.fromkeys(range(0, N, 5), "no label")
    assert not set(task.reasons) & {*task.split.train, *task.split.val, *task.split.test}
    mean, _ = task.target_statistics
    assert float(mean) == pytest.approx(float(task.y[task.split.train.tolist()].mean()))


def test_a_column_of_the_split(photos):
    split = ["train"] * 18 + ["valid"] * 6 + ["test"] * 6
    path = table(photos, {"file": FILES, "pet": PETS, "fold": split})
    task = load(path)
    assert task.split.sizes == {"train": 18, "val": 6, "test": 6}
    assert task.split.test.tolist() == list(range(24, 30))
    assert "'fold' has the split" in task.overview()["columns"]
    assert load(path, split_column="fold").split == task.split == task.with_seed(3).split
    random = load(path, split="random", targets="pet")
    assert random.split.sizes == {"train": 24, "val": 3, "test": 3}


def test_the_same_pixels_in_two_splits_are_a_leak(photos):
    (photos / "img/29.png").write_bytes((photos / "img/0.png").read_bytes())
    split = ["train"] * 20 + ["val"] * 4 + ["test"] * 6
    task = load(table(photos, {"file": FILES, "pet": PETS, "split": split}))
    assert [f.path for f in task.scan.leaks] == ["img/29.png", "img/29.png"]
    assert "data leakage" in task.data_warnings()[0]


@pytest.mark.parametrize("on_invalid", ["raise", "skip", "quarantine"])
def test_missing_and_broken_files(photos, on_invalid, tmp_path):
    (photos / "img/3.png").unlink()
    (photos / "img/4.png").write_bytes(b"not an image")
    files = [*FILES[:-1], "img/0.png"]
    path = table(photos, {"file": files, "pet": PETS})
    options = {"on_invalid": on_invalid}
    if on_invalid == "raise":
        with pytest.raises(
            ValueError, match=r"got 3 of 30 that cannot be used: row 3: 'img/3"
        ) as e:
            load(path)
        assert "row 29: 'img/0.png' is also the file of row 0" in str(e.value)
        return
    if on_invalid == "quarantine":
        options["quarantine"] = tmp_path / "bad"
    task = load(path, **options)
    assert task.reasons.keys() == {3, 4, 29}
    assert task.reasons[4].startswith("'img/4.png': not an image, begins with")
    used = {*task.split.train, *task.split.val, *task.split.test}
    assert used == set(range(N)) - {3, 4, 29}
    assert len(task.images) == N
    assert not task.images[[3, 4, 29]].any()
    assert (pixels_of(task, 28) == made.pixels(28)).all()
    assert "3 rows are in no split (row 3: " in task.overview()["not used"]
    if on_invalid == "quarantine":
        with (tmp_path / "bad/quarantine.csv").open(encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert [row[:2] for row in rows] == [
            ["path", "reason"], ["img/3.png", "row 3"], ["img/4.png", "row 4"],
            ["img/0.png", "row 29"],
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("img/{}.png", ""),
        ("./img/{}.png", ""),
        ("img\\{}.png", ""),
        ("{here}/img/{}.png", ""),
        ("{}.png", "in subfolders"),
        ("other/img/{}.png", None),
        ("{}", "without extension"),
    ],
)
def test_paths_in_every_form(photos, cell, rule):
    names = [cell.replace("{here}", str(photos)).replace("{}", str(n)) for n in range(N)]
    path = table(photos, {"file": names, "pet": PETS})
    if rule is None:
        with pytest.raises(ValueError, match="'image' must name image files in"):
            load(path)
        return
    task = load(path, image="file")
    assert all((pixels_of(task, row) == made.pixels(row)).all() for row in range(N))
    assert (rule in task.overview()["columns"]) or not rule


def test_another_folder_and_an_archive(photos, tmp_path):
    path = table(tmp_path, {"file": [f"{n}.png" for n in range(N)], "pet": PETS})
    task = load(path, folder=photos / "img")
    files = {f"img/{n}.png": (photos / f"img/{n}.png").read_bytes() for n in range(N)}
    archive = made_files.write_zip(tmp_path / "a.zip", files)
    again = load(path, folder=archive)
    assert again.images.equal(task.images)
    assert again.y.equal(task.y)


def test_sizes_and_channels(photos):
    path = table(photos, {"file": FILES, "pet": PETS})
    task = load(path, image_size=5, channels=1)
    assert task.images.shape == (N, 1, 5, 5)


def test_semicolons_and_words_for_missing(photos):
    marks = ["1,5", "unknown", "2,25"] * 10
    path = table(photos, {"file": FILES, "mark": marks}, delimiter=";")
    task = load(path, missing="unknown")
    assert task.kind == "regression"
    assert task.y[:3, 0].tolist() == pytest.approx([1.5, np.nan, 2.25], nan_ok=True)


@pytest.mark.parametrize(
    ("columns", "options", "fault"),
    [
        ({"file": FILES}, {}, "'targets' must name a column to predict, got only files"),
        ({"x": PETS, "pet": PETS}, {}, "none, and no column has names of images"),
        ({"a": FILES, "b": FILES, "pet": PETS}, {}, "'a' and 'b' have names of images"),
        ({"file": FILES, "pet": PETS, "size": PETS}, {}, "name one or several of the columns"),
        (
            {"file": FILES, "pet": PETS},
            {"targets": "file"},
            "differ from the columns",
        ),
        ({"file": FILES, "pet": PETS}, {"targets": "pets"}, "Did you mean 'pet'"),
        ({"file": FILES, "pet": PETS}, {"image": "photo"}, "'image' must be one of the columns"),
        ({"file": FILES, "pet": PETS}, {"split": "scaffold"}, "'split' must be one of"),
        ({"file": FILES, "pet": PETS}, {"split": "column"}, "name the column with train, val"),
        ({"file": FILES, "pet": PETS}, {"on_invalid": "keep"}, "'on_invalid' must be one of"),
        (
            {"file": FILES, "pet": PETS, "n": range(N)},
            {"split_column": "pet"},
            "must have train, val or test",
        ),
        ({"file": ["https://a.b/1.png"] * N, "pet": PETS}, {}, "is a web address; download it"),
        ({"file": ["no/1.png"] * N, "pet": PETS}, {}, "Pass the folder to which the paths are"),
        ({"file": [], "pet": []}, {}, "'name' must have rows, got only a header"),
    ],
)
def test_tables_that_are_refused(photos, columns, options, fault):
    with pytest.raises(ValueError, match=fault):
        load(table(photos, columns), **options)


def test_tables_of_images_are_told_from_others(photos, tmp_path):
    def looks(columns):
        path = table(photos, columns, "t.csv")
        return looks_like_image_table(read_table(path), photos)

    assert looks({"file": FILES, "y": PETS})
    assert looks({"y": PETS, "file": [f.replace(".png", ".HEIC") for f in FILES]})
    assert looks({"id": [f"img/{n}" for n in range(N)], "y": PETS})
    assert not looks({"smiles": ["CCO", "C.C", "c1ccccc1"] * 10, "y": PETS})
    assert not looks({"id": range(N), "topic": ["a.b", "web/page.html", ""] * 10})
    assert not looks({"file": [*FILES[:3], *["x"] * 27], "y": PETS})


def test_one_door_tells_tables_apart(photos, monkeypatch):
    path = table(photos, {"file": FILES, "pet": PETS})
    task = gv.data.load(path)
    assert isinstance(task, gv.data.ImageTask)
    monkeypatch.chdir(photos)
    again = gv.data.load(**task.origin)
    assert again.data_hash == task.data_hash
    assert again.split == task.split
    there = table(photos.parent, {"id": [str(n) for n in range(N)], "pet": PETS}, "ids.csv")
    task = gv.data.load(there, folder="img", image="id")
    monkeypatch.chdir("/")
    assert gv.data.load(**task.origin).data_hash == task.data_hash
    smiles = table(photos, {"smiles": ["CCO", "CCN", "CCC"] * 10, "y": PETS}, "m.csv")
    assert isinstance(gv.data.load(smiles, targets="y"), gv.data.MoleculeTask)


def test_loose_images_name_the_remedies(photos):
    with pytest.raises(ValueError, match="Sort them into <class>") as error:
        gv.data.images.load(photos / "img")
    assert "list files and labels in a table" in str(error.value)
    assert "run.predict of a trained run" in str(error.value)
    with pytest.raises(ValueError, match="'targets' must be left out for a folder"):
        gv.data.images.load(photos, targets="pet")


def test_a_data_frame_or_a_dict_of_columns(photos, monkeypatch):
    pandas = pytest.importorskip("pandas")
    there = load(table(photos, {"file": FILES, "age": [n / 4 for n in range(N)]}))
    columns = {"file": FILES, "age": [n / 4 if n else None for n in range(N)]}
    frame = pandas.DataFrame(columns)
    for source in (columns, frame):
        task = gv.data.images.from_table(source, folder=photos, name="mine", split="random")
        assert (task.name, task.requested, task.kind) == ("mine", "mine", "regression")
        assert task.images.equal(there.images)
        assert task.y[1:].equal(there.y[1:])
        assert task.reasons == {0: "no label"}
    monkeypatch.chdir(photos)
    assert gv.data.images.from_table(columns).images.equal(there.images)
    with pytest.raises(TypeError, match="'source' must be"):
        gv.data.images.from_table(3)


@pytest.mark.slow
def test_the_real_cats_and_dogs_by_a_table(real_data, tmp_path):
    folder = gv.data.images.load("cats_dogs", root=real_data, image_size=16)
    names = list(folder.item_names)
    split = np.full(len(names), "train", dtype=object)
    for name in ("val", "test"):
        split[getattr(folder.split, name)] = name
    pets = [folder.class_names[y] for y in folder.y.tolist()]
    path = table(tmp_path, {"pet": pets, "photo": names, "split": split})
    task = load(path, folder=real_data / "cats_dogs", image_size=16)
    assert task.images.equal(folder.images)
    assert task.split == folder.split
    assert (task.y.tolist(), task.mean) == (folder.y.tolist(), folder.mean)
