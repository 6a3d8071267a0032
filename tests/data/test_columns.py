"""The encoder of columns: kinds, statistics of the training rows, and what it refuses."""

import json

import numpy as np
import pytest
import torch

from gnnvision.data.columns import ColumnEncoder


def encode(table, **options):
    encoder = ColumnEncoder.fit(table, **options)
    x, remarks = encoder.encode(table)
    return encoder, x, remarks


def kinds(encoder):
    return {column.name: column.kind for column in encoder.columns}


def test_the_kind_of_each_column_is_inferred():
    pandas = pytest.importorskip("pandas")
    table = {
        "number": ["1.5", " 2 ", "n/a", "-3e-1"],
        "whole": [1, 2, 3, 5],
        "nullable": pandas.Series([1, None, 3, 4], dtype="Int64"),
        "boolean": ["yes", "No", "", "yes"],
        "binary": np.array([0, 1, 1, 0]),
        "logical": torch.tensor([True, False, True, True]),
        "text": pandas.Categorical(["u", "v", "u", "v"]),
        "list": ["[0.1, 2]", "[3,4]", "1;2", "5 6"],
        "bare list": ["0.1,0.2", "1,2", "3,4", "5,6"],
        "arrays": [[1.0, 2], np.ones(2), (3, 4), None],
        "matrix": torch.arange(8.0).reshape(4, 2),
        "dates": np.array(["2020-01-01"] * 4, dtype="datetime64[D]"),
        "units": ["12 kg", "13 kg", "14 kg", "12 kg"],
        "title": ["one", "two", "three", "four"],
        "constant": [7, 7, 7, 7],
        "empty": [None, "", "NA", float("nan")],
        "signs": ["+", "-", "+", "-"],
    }
    encoder, x, remarks = encode(table)
    found = kinds(encoder)
    numbers, unused = ("number", "whole", "nullable"), ("title", "constant", "empty")
    assert found == {
        **dict.fromkeys(numbers, "number"),
        **dict.fromkeys(("boolean", "binary", "logical", "signs"), "boolean"),
        "text": "text",
        **dict.fromkeys(("list", "bare list", "arrays", "matrix"), "list"),
        **dict.fromkeys(("dates", "units", *unused), "unused"),
    }
    assert tuple(x.shape) == (4, len(encoder.names))
    assert x.dtype == torch.float32
    assert not remarks
    lines = encoder.describe().splitlines()
    assert len(lines) == len(table)
    assert all(f"{name!r}: " in line for name, line in zip(table, lines, strict=True))
    assert "'12 kg', with a unit" in lines[list(table).index("units")]


def test_numbers_are_standardized_on_the_training_rows():
    encoder, x, _ = encode({"age": [0.0, 10.0, 1000.0]}, rows=[0, 1])
    assert x.flatten().tolist() == [-1, 1, 199]
    assert "mean 5, std 5" in encoder.describe()


def test_a_number_that_does_not_vary_in_training_divides_nothing():
    _, x, _ = encode({"age": [3, 3, 4]}, rows=[0, 1], kinds={"age": "number"})
    assert x.flatten().tolist() == [0, 0, 1]


def test_a_boolean_that_varies_only_outside_of_training_is_kept():
    """As the words of documents that no document of training has."""
    table = {"word": [0, 0, 1], "size": [5.0, 5, 7], "all": [1, 1, 1]}
    encoder, x, _ = encode(table, rows=[0, 1])
    assert encoder.column_names == ("word",)
    assert x.flatten().tolist() == [0, 0, 1]


def test_missing_values_have_their_own_feature_if_training_has_some():
    encoder, x, _ = encode({"age": [1, None, 3], "city": ["a", "a", "?"]})
    assert encoder.names == ("age", "age is missing", "city=a", "city=other", "city is missing")
    assert x.tolist() == [[-1, 0, 1, 0, 0], [0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]


def test_values_missing_only_outside_of_training_are_remarked():
    table = {"age": [1, 3, None], "city": ["a", "a", ""]}
    encoder, x, remarks = encode(table, rows=[0, 1], kinds={"city": "text"})
    assert encoder.names == ("age", "city=a", "city=other")
    assert x[2].tolist() == [0, 0, 0]
    assert list(remarks) == [2]
    assert "'age' is missing, in training it never was; the mean is used" in remarks[2]


def test_rare_and_unseen_words_share_a_feature():
    colors = ["red", "red", "blue", "blue", "green"]
    encoder, x, _ = encode({"color": colors})
    assert encoder.names == ("color=blue", "color=red", "color=other")
    unseen, _ = encoder.encode({"color": ["violet", "red"]})
    assert x[4].tolist() == unseen[0].tolist() == [0, 0, 1]
    assert unseen[1].tolist() == [0, 1, 0]
    few = ColumnEncoder.fit({"color": colors}, max_values=1)
    assert few.names == ("color=blue", "color=other")
    every = ColumnEncoder.fit({"color": colors}, min_count=1)
    assert every.names == ("color=blue", "color=green", "color=red", "color=other")


def test_words_of_the_training_rows_alone_have_features():
    encoder = ColumnEncoder.fit({"color": ["a", "a", "b", "b", "c", "c"]}, rows=[0, 1, 2, 3])
    assert encoder.names == ("color=a", "color=b", "color=other")


def test_composed_and_decomposed_words_are_one():
    _, x, _ = encode({"도시": ["서울", "\u1109\u1165\u110b\u116e\u11af", "부산", "부산"]})
    assert x.tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]


def test_lists_are_taken_as_they_are_or_standardized():
    table = {"v": ["[1, 10]", "[3, 10]"]}
    assert encode(table)[1].tolist() == [[1, 10], [3, 10]]
    encoder, x, _ = encode(table, kinds={"v": "standardized list"})
    assert encoder.names == ("v[0]", "v[1]")
    assert x.tolist() == [[-1, 0], [1, 0]]


def test_kinds_override_what_is_inferred():
    table = {"group": [1, 2, 2, 1], "size": [1, 2, 3, 4], "left": [1, 2, 3, 4]}
    encoder, x, _ = encode(table, kinds={"group": "text", "size": "raw", "*": "unused"})
    assert kinds(encoder) == {"group": "text", "size": "raw", "left": "unused"}
    assert encoder.column_names == ("group", "size")
    assert x[:, -1].tolist() == [1, 2, 3, 4]


def test_numbers_in_text_are_read_as_in_targets():
    cells = ["\uff11\uff12", "\u22123", "+.5e1", "1_0", "0x1f", "inf", "4", "5", "6", "1e39"]
    encoder = ColumnEncoder.fit({"v": cells}, kinds={"v": "raw"})
    x, remarks = encoder.encode({"v": cells})
    assert x[:, 0].tolist() == [12, -3, 5, 0, 0, 0, 4, 5, 6, 0]
    assert x[:, 1].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1]
    assert remarks[3] == "'v' is '1_0', which counts as missing"
    assert sorted(remarks) == [3, 4, 5, 9]


def test_unreadable_cells_count_as_missing_and_are_named():
    encoder, x, remarks = encode({"age": ["1", "3", "x y", "2"]})
    assert "counted as missing: 'x y' in row 2" in encoder.describe()
    assert remarks == {2: "'age' is 'x y', which counts as missing"}
    assert x[2].tolist() == [0, 1]


def test_infinite_numbers_count_as_missing():
    _, x, remarks = encode({"age": np.array([1, np.inf, 3])})
    assert x[1].tolist() == [0, 1]
    assert "inf" in remarks[1]


def test_a_table_of_one_row_is_encoded_as_in_training():
    table = {"a": ["1", "2", "4"], "b": ["x", "y", "x"], "c": ["0", "1", "1"]}
    encoder, x, _ = encode(table)
    for row in range(3):
        alone, _ = encoder.encode({name: [cells[row]] for name, cells in table.items()})
        assert torch.equal(alone[0], x[row])
    parsed, _ = encoder.encode({"a": np.array([1, 2, 4]), "b": ["x", "y", "x"], "c": [0, 1, 1]})
    assert torch.equal(parsed, x)
    assert encoder.encode({"a": [], "b": [], "c": []})[0].shape == (0, x.shape[1])


def test_an_encoder_goes_through_json():
    table = {"a": [0.1, 0.7, None], "b": ["x", "x", "y"], "v": [[1.5], [2.0], [3.0]]}
    encoder, x, _ = encode(table)
    again = ColumnEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    assert again.hash == encoder.hash
    assert torch.equal(again.encode(table)[0], x)
    assert ColumnEncoder.fit({**table, "a": [0.1, 0.8, None]}).hash != encoder.hash
    with pytest.raises(ValueError, match=r"'encoder' must be of version 1, got .* version 2"):
        ColumnEncoder.from_dict({"version": 2, "columns": []})


def test_a_wide_table_is_summarized():
    encoder = ColumnEncoder.fit({f"w{n}": [0, 1, 1] for n in range(100)} | {"t": [1.0, 2.0, 4.0]})
    assert encoder.summary() == (
        "101 features: 100 boolean ('w0', 'w1', 'w2', 'w3', 'w4', 'w5', ...); 1 number ('t')"
    )
    few = ColumnEncoder.fit({"a": [0, 1]})
    assert few.summary() == few.describe() == "'a': boolean, 0 or 1"


TRAINED = {"age": [1, 2, 3], "sex": ["f", "m", "m"], "ok": [0, 1, 1], "v": ["1,2", "2,3", "3,4"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": None}, "'inputs' must have the column 'age', got 'sex', 'ok', 'v'"),
        ({"age": ["a", "b", "3"]}, "have numbers in 'age', got 'a' in row 0 and 1 more"),
        ({"ok": [0, 2, 3]}, "have booleans .* in 'ok', got 2 in row 1 and 1 more"),
        ({"v": ["1", "2", "3"]}, "have lists of 2 numbers in 'v', got '1' in row 0 and 2 more"),
        ({"v": ["1,2,3"] * 3}, "have lists of 2 numbers in 'v', got a list of 3 numbers in row 0"),
        ({"sex": [1, 2, 2]}, "have words in 'sex', as in training, got numbers such as 1"),
        ({"age": [1, 2]}, "same number of rows in all columns, got .*2"),
    ],
)
def test_other_columns_than_in_training_are_refused(change, message):
    encoder = ColumnEncoder.fit(TRAINED)
    table = {name: cells for name, cells in (TRAINED | change).items() if cells is not None}
    with pytest.raises(ValueError, match=message):
        encoder.encode(table, argument="inputs")


def test_words_that_are_numbers_stay_words():
    """Also in a table of one row, and if no word of the training rows is repeated."""
    encoder = ColumnEncoder.fit({"code": ["A", "A", "12"]})
    assert encoder.encode({"code": [12]})[0].tolist() == [[0, 1]]
    rare = ColumnEncoder.fit({"code": [1, 2, 3]}, rows=[0], kinds={"code": "text"})
    assert rare.encode({"code": ["2"]})[0].tolist() == [[1]]


def test_a_similar_name_is_suggested():
    encoder = ColumnEncoder.fit({"weight": [1, 2, 3]})
    with pytest.raises(ValueError, match="Did you mean 'Weight'"):
        encoder.encode({"Weight": [1]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"agee": "number"}}, "'kinds' must be one of 'age'.*Did you mean 'age'"),
        ({"kinds": {"age": "numbers"}}, "'kinds' must be one of 'number', .*Did you mean"),
        ({"kinds": {"sex": "number"}}, "'kinds' must have numbers in 'sex', got 'f' in row 0"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ColumnEncoder.fit(TRAINED, **options)


def test_a_list_is_not_a_table():
    with pytest.raises(TypeError, match="'columns' must be a mapping"):
        ColumnEncoder.fit([1, 2])


def test_decimal_commas_are_read_where_the_delimiter_is_another_mark(tmp_path):
    from gnnvision.data.column_sources import read_columns

    (tmp_path / "a.csv").write_text("id;v\na;1,5\nb;2,25\n")
    table = read_columns(tmp_path / "a.csv")
    encoder = ColumnEncoder.fit(table, kinds={"v": "raw", "id": "unused"})
    assert encoder.encode(table)[0].flatten().tolist() == [1.5, 2.25]
