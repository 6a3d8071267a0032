import os
import unicodedata

import pytest

from gnnvision.data.images.tree import check_tree, read_tree
from gnnvision.data.sources import open_source

from .. import made_files


@pytest.fixture
def read(tmp_path):
    def read(*paths, folders=()):
        (tmp_path / "set").mkdir()
        made_files.write(tmp_path / "set", dict.fromkeys(paths, b"x"))
        for folder in folders:
            (tmp_path / "set" / folder).mkdir(parents=True)
        return read_tree(open_source(tmp_path / "set"))

    return read


def items(tree):
    return [(i.member.path, i.split, tree.class_names[i.label]) for i in tree.items]


def test_parts_and_classes(read):
    tree = read(
        "train/dog/1.jpg", "train/cat/2.PNG", "Test/dog/3.jpeg", "valid/cat/4.gif", "README.md"
    )
    assert tree.has_splits
    assert tree.class_names == ("cat", "dog")
    assert items(tree) == [
        ("Test/dog/3.jpeg", 2, "dog"),
        ("train/cat/2.PNG", 0, "cat"),
        ("train/dog/1.jpg", 0, "dog"),
        ("valid/cat/4.gif", 1, "cat"),
    ]
    check_tree(tree)


def test_classes_only(read):
    tree = read("cat/1.jpg", "cat/more/2.jpg", "dog/1.jpg", "lost.jpg")
    assert not tree.has_splits
    assert items(tree) == [
        ("cat/1.jpg", 0, "cat"), ("cat/more/2.jpg", 0, "cat"), ("dog/1.jpg", 0, "dog"),
    ]  # fmt: skip
    assert tree.loose == ("lost.jpg",)
    assert [(f.path, f.kind) for f in tree.findings] == [("lost.jpg", "no class")]


def test_folders_around_it_are_passed_over(read):
    tree = read("set-1.0/data/train/cat/1.jpg", "set-1.0/data/test/cat/2.jpg")
    assert [item.split for item in tree.items] == [2, 0]
    assert tree.class_names == ("cat",)


def test_a_class_of_trains_is_no_training_part(read):
    tree = read("bus/1.jpg", "train/2.jpg", "car/3.jpg")
    assert not tree.has_splits
    assert tree.class_names == ("bus", "car", "train")


def test_a_lone_class_stays_a_class(read):
    assert read("cat/1.jpg").class_names == ("cat",)


@pytest.mark.parametrize(
    ("paths", "folders", "fault"),
    [
        ((), (), "must have images in one folder for each class, got none in"),
        (("notes.txt",), ("a", "b"), "must have images .* got none"),
        (("1.jpg", "2.jpg"), (), "must have images .* got 2 outside class folders"),
        (("cat/1.jpg",), (), "must have two or more class folders, got only 'cat'"),
        (("train/cat/1.jpg", "test/cat/1.jpg"), (), "two or more class folders, got only 'cat'"),
        (("cat/1.jpg", "dog/1.jpg"), ("owl",), "must have images, got none in 'owl'"),
        (
            ("train/cat/1.jpg", "train/dog/1.jpg"),
            ("train/owl",),
            "must have images, got none in 'train/owl'",
        ),
        (
            ("train/cat/1.jpg", "train/dog/1.jpg", "test/owl/1.jpg"),
            (),
            "must be in the training split, got 'owl'",
        ),
    ],
)
def test_folders_that_make_no_data_set(read, paths, folders, fault):
    with pytest.raises(ValueError, match=fault):
        check_tree(read(*paths, folders=folders))


PAIRS = [
    ("training_set", "test_set"), ("train_set", "test_set"), ("seg_train", "seg_test"),
    ("Train", "TEST"), ("training", "testing"), ("train", "valid"), ("train", "dev"),
    ("학습", "시험"), ("훈련", "테스트"), ("학습", "평가"), ("학습용", "검증용"),
    ("训练集", "测试集"), ("1.Training", "2.Validation"), ("train2017", "val2017"),
    ("cats_train", "cats_test"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("wrapper", ["", "pets/", "data/pets-1.0/"])
def test_names_of_splits_are_no_classes(read, first, second, form, wrapper):
    first, second = (unicodedata.normalize(form, name) for name in (first, second))
    tree = read(*(f"{wrapper}{top}/{name}/1.jpg" for top in (first, second) for name in "ab"))
    check_tree(tree)
    assert tree.has_splits
    assert tree.class_names == ("a", "b")
    parts = {
        item.member.path.removeprefix(wrapper).split("/")[0]: item.split for item in tree.items
    }
    assert parts[first] == 0
    assert parts[second] in (1, 2)


def test_a_folder_inside_each_split_is_passed_over(read):
    tree = read(
        "seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/wood/2.jpg",
        "seg_test/seg_test/sea/3.jpg", "seg_test/seg_test/wood/4.jpg", "seg_pred/seg_pred/5.jpg",
    )  # fmt: skip
    check_tree(tree)
    assert tree.class_names == ("sea", "wood")
    assert [item.split for item in tree.items] == [2, 2, 0, 0]
    assert tree.loose == ("seg_pred/seg_pred/5.jpg",)


def test_splits_below_the_classes(read):
    tree = read(*(f"{name}/{part}/1.jpg" for name in "ab" for part in ("train", "test")))
    check_tree(tree)
    assert items(tree) == [
        ("a/test/1.jpg", 2, "a"), ("a/train/1.jpg", 0, "a"),
        ("b/test/1.jpg", 2, "b"), ("b/train/1.jpg", 0, "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (("train/cat.1.jpg", "test/2.jpg"), "'test', 'train'|'train'"),
        (("training_set/1.jpg", "test_set/2.jpg"), "training_set"),
        (("학습/1.jpg", "시험/2.jpg"), "학습"),
        (("cat/1.jpg", "dog/1.jpg", "test/1.jpg"), "the folder 'test' next to 'cat', 'dog'"),
        (("test/cat/1.jpg", "test/dog/1.jpg"), "none is the training split"),
        (("val/cat/1.jpg", "test/cat/1.jpg"), "none is the training split"),
        (
            ("train/cat/1.jpg", "Training/cat/1.jpg", "test/cat/1.jpg"),
            "'Training', 'train' are named like the same",
        ),
        (("trainA/a/1.jpg", "trainB/b/1.jpg", "testA/a/1.jpg"), "'trainA', 'trainB'"),
        (
            ("cats_train/1.jpg", "dogs_train/1.jpg", "cats_test/1.jpg", "dogs_test/1.jpg"),
            "cats_train",
        ),
        (("fold1/cat/1.jpg", "fold2/cat/1.jpg"), "'fold1', 'fold2' look like the folds"),
        (
            ("train/steam/1.jpg", "bus/1.jpg", "car/1.jpg"),
            "the folder 'train' next to 'bus', 'car'",
        ),
        (("a/train/1.jpg", "a/test/1.jpg", "b/1.jpg"), "are in some of the class folders"),
    ],
)
def test_what_may_be_splits_or_classes_is_refused(read, paths, named):
    tree = read(*paths)
    with pytest.raises(
        ValueError, match=f"must have unambiguous class and split folders, .*({named}).*Sort the"
    ):
        check_tree(tree)
    assert [finding.kind for finding in tree.findings if finding.kind == "ambiguous folders"]


@pytest.mark.parametrize(
    "paths",
    [
        ("train_station/1.jpg", "airport/1.jpg"),
        ("test_tube/1.jpg", "flask/1.jpg"),
        ("train_station/1.jpg", "test_tube/1.jpg", "lamp/1.jpg"),
        ("contest/1.jpg", "valley/1.jpg"),
    ],
)
def test_classes_that_remind_of_splits(read, paths):
    tree = read(*paths)
    check_tree(tree)
    assert tree.class_names == tuple(sorted(path.split("/")[0] for path in paths))


def test_a_project_called_test_is_passed_over(read):
    tree = read("test/train/a/1.jpg", "test/train/b/1.jpg", "test/val/a/1.jpg")
    check_tree(tree)
    assert tree.class_names == ("a", "b")


def test_one_name_in_two_unicode_forms_is_one_class(read):
    apart = unicodedata.normalize("NFD", "고양이")
    tree = read("고양이/1.jpg", f"{apart}/2.jpg", "강아지/3.jpg")
    check_tree(tree)
    assert tree.class_names == ("강아지", "고양이")
    assert sum(item.label for item in tree.items) == 2
    assert tree.assumed == ("folders named '고양이' in two Unicode forms are the same class",)


def test_classes_that_only_case_tells_apart_are_noted(read):
    tree = read("Cat/1.jpg", "cat/1.jpg", "dog/1.jpg")
    check_tree(tree)
    assert [(f.path, f.kind) for f in tree.findings] == [("Cat", "similar classes")]


def test_a_class_in_another_case_is_named_beside_it(read):
    tree = read("train/Cat/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg", "test/dog/1.jpg")
    reason = "got 'cat' only in another split .*'Cat' and 'cat' are different names"
    with pytest.raises(ValueError, match=reason):
        check_tree(tree)


def test_files_of_systems_are_neither_classes_nor_pictures(read):
    tree = read(
        "cat/1.jpg", "dog/1.jpg", "cat/@eaDir/1.jpg/thumb.jpg", "@eaDir/x/thumb.jpg",
        "dog/._1.jpg", ".ipynb_checkpoints/cat/1.jpg", "__MACOSX/cat/1.jpg", "Thumbs.db",
        "#recycle/dog/2.jpg",
    )  # fmt: skip
    check_tree(tree)
    assert tree.class_names == ("cat", "dog")
    assert len(tree.items) == 2
    assert {finding.kind for finding in tree.findings} == {"system file"}
    assert len(tree.findings) == 7


def test_names_that_are_not_utf8_become_text(tmp_path):
    for name in ("강아지", "고양이"):
        folder = os.path.join(os.fsencode(tmp_path), b"set", name.encode("cp949"))
        os.makedirs(folder)
        with open(os.path.join(folder, "사진.jpg".encode("cp949")), "wb") as file:
            file.write(b"x")
    source = open_source(tmp_path / "set")
    tree = read_tree(source)
    check_tree(tree)
    assert items(tree) == [("강아지/사진.jpg", 0, "강아지"), ("고양이/사진.jpg", 0, "고양이")]
    assert tree.assumed == ("file names that are not UTF-8 are decoded as cp949",)
    assert [data for _, data in source.read([item.member for item in tree.items])] == [b"x", b"x"]


def test_what_else_lies_there_is_named(read):
    tree = read("1.heic", "2.heic")
    with pytest.raises(
        ValueError, match=r"got none in .*, but 2 files such as '1.heic': HEIC is not"
    ):
        check_tree(tree)


def test_an_archive_in_a_folder_is_named(read):
    with pytest.raises(
        ValueError, match=r"but the archive 'train.zip', which may contain them: unpa"
    ):
        check_tree(read("train.zip", "readme.txt"))


@pytest.mark.parametrize("folders", [("test",), ("test/cat", "test/dog"), ("Validation",)])
def test_a_split_without_an_image_is_refused(read, folders):
    name = folders[0].split("/")[0]
    tree = read("train/cat/1.jpg", "train/dog/1.jpg", folders=folders)
    why = f"the folder '{name}' is named like a split but has no images: fill or remove it"
    with pytest.raises(ValueError, match=why):
        check_tree(tree)


def test_shortened_names_of_splits_are_refused_beside_one_another(read):
    with pytest.raises(ValueError, match="the folders 'te', 'tr', 'va' may be abbreviated splits"):
        check_tree(read(*(f"{split}/{c}/1.jpg" for split in ("tr", "te", "va") for c in "ab")))


def test_languages_are_no_shortened_splits(read):
    assert read("tr/1.jpg", "te/1.jpg", "ko/1.jpg").class_names == ("ko", "te", "tr")


@pytest.mark.parametrize("outer", [("v1", "v2"), ("color", "grayscale", "segmented")])
def test_versions_of_a_set_are_no_classes(read, outer):
    tree = read(*(f"{o}/{c}/1.jpg" for o in outer for c in ("apple", "corn")))
    why = (
        "have the same subfolders 'apple', 'corn', so either level may be the classes. Pass one of"
    )
    with pytest.raises(ValueError, match=f"the folders '{outer[0]}', .* {why}"):
        check_tree(tree)


def test_folders_within_classes_that_differ_are_said(read):
    tree = read("animal/cat/1.jpg", "animal/dog/1.jpg", "thing/car/1.jpg")
    assert tree.class_names == ("animal", "thing")
    assert tree.assumed == (
        "subfolders belong to their class folder: 'animal/cat' has the class 'animal'",
    )
