import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from gnnvision.data.arrays import NodeArrays, read_npz, write_npz

EMPTY = np.array([], dtype=np.str_)


@pytest.fixture
def arrays():
    return NodeArrays(
        edge_index=np.array([[0, 1, 1, 2], [1, 0, 2, 1]]),
        feature_indptr=np.array([0, 2, 3, 3]),
        feature_indices=np.array([0, 2, 1], dtype=np.int32),
        feature_data=np.array([1, 3, 2], dtype=np.uint8),
        feature_shape=np.array([3, 3]),
        y=np.array([0, 1, -100]),
        train=np.array([0]),
        val=np.array([1]),
        test=np.array([], dtype=np.int64),
        node_names=np.array(["a", "b", "c"]),
        class_names=np.array(["no", "yes"]),
        feature_names=EMPTY,
    )


def test_features(arrays):
    x = arrays.features()
    assert x.is_sparse
    assert x.is_coalesced()
    assert x.dtype == torch.float32
    dense = [[1, 0, 3], [0, 2, 0], [0, 0, 0]]
    assert x.to_dense().tolist() == dense
    assert arrays.features(dense=True).tolist() == dense


def test_normalised_rows_sum_to_one_or_stay_zero(arrays):
    x = arrays.normalized().features(dense=True)
    assert x.tolist() == [[0.25, 0, 0.75], [0, 1, 0], [0, 0, 0]]


def test_round_trip_keeps_everything(arrays):
    file = io.BytesIO()
    write_npz(file, arrays)
    again = read_npz(file.getvalue())
    assert again.hash() == arrays.hash()
    assert again.node_names.tolist() == ["a", "b", "c"]
    assert again.train.tolist() == [0]


def test_hash_changes_with_data_and_not_with_names_or_split(arrays):
    assert replace(arrays, y=np.array([1, 1, -100])).hash() != arrays.hash()
    assert arrays.normalized().hash() != arrays.hash()
    assert replace(arrays, train=np.array([1]), node_names=EMPTY).hash() == arrays.hash()


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("edge_index", [[0, 1], [1, 3]], r"an edge has a node outside 0\.\.2"),
        ("edge_index", [[0, 1], [1, -1]], r"an edge has a node outside 0\.\.2"),
        ("edge_index", [[1, 0], [0, 1]], "not sorted"),
        ("edge_index", [[0, 0, 1], [1, 1, 0]], "not sorted and unique"),
        ("edge_index", [[0, 0, 1], [0, 1, 0]], "self-loop"),
        ("edge_index", [[0], [1]], "one direction only"),
        ("edge_index", [0, 1], r"not \(2, E\)"),
        ("feature_indptr", [0, 2, 3], r"not \(N \+ 1,\)"),
        ("feature_indptr", [0, 2, 3, 4], "has wrong ends"),
        ("feature_indptr", [0, 4, 2, 3], "decreases"),
        ("feature_indices", [0, 3, 1], r"outside 0\.\.2"),
        ("feature_indices", [2, 0, 1], "not ascending"),
        ("feature_indices", [0, 1], "differ in length"),
        ("feature_data", [1, np.inf, 1], "NaN or infinite"),
        ("feature_data", ["a", "b", "c"], "has type <U1"),
        ("feature_shape", [-1, 3], "negative"),
        ("feature_shape", [3], r"not \(N, F\)"),
        ("y", [0, 1], "y has shape"),
        ("y", [0, 1, -1], "a label is negative"),
        ("train", [3], r"train is outside 0\.\.2"),
        ("train", [2], "train has an unlabeled node"),
        ("node_names", ["a"], "node_names has shape"),
        ("node_names", [b"a", b"b", b"c"], "node_names has type"),
    ],
)
def test_arrays_that_do_not_fit(arrays, name, value, fault):
    with pytest.raises(ValueError, match=fault):
        replace(arrays, **{name: np.array(value)})


def test_an_archive_with_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", edge_index=np.array([print, 1], dtype=object))
    with pytest.raises(ValueError, match="cannot be read: Object arrays cannot be loaded"):
        read_npz((tmp_path / "a.npz").read_bytes())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive"])
def test_a_damaged_archive(content):
    with pytest.raises(ValueError, match="The npz archive cannot be read"):
        read_npz(content)


def test_an_incomplete_archive(tmp_path):
    np.savez(tmp_path / "a.npz", y=np.zeros(3))
    with pytest.raises(ValueError, match="edge_index is not a file in the archive"):
        read_npz((tmp_path / "a.npz").read_bytes())
