from gnnvision.data import Split, load
from gnnvision.data.molecules.duplicates import Duplicate, describe_duplicates, duplicates


def test_only_what_is_in_several_parts_in_the_order_of_rows():
    names = ["C", "N", "O", "N", "C", "", "", "O", "N", "S", "S"]
    split = Split("made", train=[0, 2, 5, 7, 8], val=[1, 4], test=[3, 6, 9, 10])
    assert duplicates(names, split) == (
        Duplicate("C", {"train": (0,), "val": (4,)}),
        Duplicate("N", {"train": (8,), "val": (1,), "test": (3,)}),
    )
    assert duplicates(names, Split("made", [0, 4], [1, 3], [2, 7])) == ()


def test_of_a_task_however_they_are_written(tmp_path):
    rows = ["OCC,1,train", "CCO,2,test", "C(C)O,3,val", "CCN,4,train", "NCC,5,train",
            "CC(,6,test", "CC(,7,train", "c1ccccc1,8,train", "C1=CC=CC=C1,,test",
            "CC(=O)O,9,train", "CC(=O)[O-].[Na+],10,val"]  # fmt: skip
    (tmp_path / "x.csv").write_text("smiles,y,part\n" + "\n".join(rows))
    options = {"targets": "y", "split_column": "part", "on_invalid": "skip"}
    task = load(tmp_path / "x.csv", **options)
    # Row 8 has no target, rows 5 and 6 no molecule, so they are in no part.
    assert task.duplicates() == (Duplicate("CCO", {"train": (0,), "val": (2,), "test": (1,)}),)


def test_left_and_right_hands_are_two_molecules(tmp_path):
    rows = ["C[C@H](N)O,1,train", "C[C@@H](N)O,2,test", "O[C@H](C)N,3,val", "CC,4,train"]
    (tmp_path / "x.csv").write_text("smiles,y,part\n" + "\n".join(rows))
    task = load(tmp_path / "x.csv", targets="y", split_column="part")
    (found,) = task.duplicates()
    assert found.rows == {"val": (2,), "test": (1,)} or found.rows == {"train": (0,), "val": (2,)}


def test_duplicates_in_words():
    split = Split("mine", train=[0, 1, 2, 3], val=[4, 5], test=[6, 7])
    alone = ["C", "CC", "CCC", "CO", "CN", "CF", "CCl", "CBr"]
    assert describe_duplicates(alone, split) == ""
    assert describe_duplicates(["C", "C", *alone[2:7], ""], split) == (
        "1 of 8 rows repeats another molecule; none is in more than one split"
    )
    assert describe_duplicates(["C", "C", "CO", *alone[3:6], "C", "CO"], split) == (
        "4 of 8 rows repeat another molecule; 2 molecules are in more than one split, which makes "
        "scores look better than they are: 'C' in training row 0, test row 6"
    )
