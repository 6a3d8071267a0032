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
    return [(i.member.path, i.part, tree.class_names[i.label]) for i in tree.items]


def test_parts_and_classes(read):
    tree = read(
        "train/dog/1.jpg", "train/cat/2.PNG", "Test/dog/3.jpeg", "valid/cat/4.gif", "README.md"
    )
    assert tree.has_parts
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
    assert not tree.has_parts
    assert items(tree) == [
        ("cat/1.jpg", 0, "cat"), ("cat/more/2.jpg", 0, "cat"), ("dog/1.jpg", 0, "dog"),
    ]  # fmt: skip
    assert tree.loose == ("lost.jpg",)
    assert [(f.path, f.kind) for f in tree.findings] == [("lost.jpg", "no class")]


def test_folders_around_it_are_passed_over(read):
    tree = read("set-1.0/data/train/cat/1.jpg", "set-1.0/data/test/cat/2.jpg")
    assert [item.part for item in tree.items] == [2, 0]
    assert tree.class_names == ("cat",)


def test_a_class_of_trains_is_no_training_part(read):
    tree = read("bus/1.jpg", "train/2.jpg", "car/3.jpg")
    assert not tree.has_parts
    assert tree.class_names == ("bus", "car", "train")


def test_a_lone_class_stays_a_class(read):
    assert read("cat/1.jpg").class_names == ("cat",)


@pytest.mark.parametrize(
    ("paths", "folders", "fault"),
    [
        ((), (), "must hold images in one folder for each class, got none in"),
        (("notes.txt",), ("a", "b"), "must hold images .* got none"),
        (("1.jpg", "2.jpg"), (), "must hold images .* got 2 outside class folders"),
        (("cat/1.jpg",), (), "must hold two class folders or more, got only 'cat'"),
        (("train/cat/1.jpg", "test/cat/1.jpg"), (), "two class folders or more, got only 'cat'"),
        (("cat/1.jpg", "dog/1.jpg"), ("owl",), "must hold an image, got none in 'owl'"),
        (
            ("train/cat/1.jpg", "train/dog/1.jpg"),
            ("train/owl",),
            "must hold an image, got none in 'train/owl'",
        ),
        (
            ("train/cat/1.jpg", "train/dog/1.jpg", "test/owl/1.jpg"),
            (),
            "must be in the training part, got 'owl'",
        ),
    ],
)
def test_folders_that_make_no_data_set(read, paths, folders, fault):
    with pytest.raises(ValueError, match=fault):
        check_tree(read(*paths, folders=folders))
