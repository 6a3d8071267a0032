import numpy as np
import pytest

from gnnvision.data import UnsafePickleError, describe, load
from gnnvision.data.files import read_verified
from gnnvision.data.graphs.planetoid import decode_planetoid, undirected_edges

from .. import made


@pytest.fixture
def raw(tmp_path):
    made.planetoid(tmp_path)
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def spoiled(raw, **parts):
    return raw | {f"ind.tiny.{part}": made.dumps(value) for part, value in parts.items()}


def parts_of(raw):
    from gnnvision.data import safe_loads

    return {
        name.removeprefix("ind.tiny."): safe_loads(data)
        for name, data in raw.items()
        if not name.endswith("index")
    }


def test_every_node_gets_the_features_and_label_the_files_give_it(raw):
    arrays = decode_planetoid(raw, made.card())
    parts = parts_of(raw)
    x = arrays.features(dense=True).numpy()
    test = [15, 12, 17, 14, 16]
    np.testing.assert_array_equal(x[:12], parts["allx"].toarray())
    np.testing.assert_array_equal(x[test], parts["tx"].toarray())
    assert arrays.y[:12].tolist() == parts["ally"].argmax(1).tolist()
    assert arrays.y[test].tolist() == parts["ty"].argmax(1).tolist()
    assert arrays.train.tolist() == [0, 1, 2, 3]
    assert arrays.val.tolist() == [4, 5, 6]
    assert arrays.test.tolist() == sorted(test)
    pairs = {(a, b) for a, near in parts["graph"].items() for b in near if a != b}
    pairs |= {(b, a) for a, b in pairs}
    assert arrays.edge_index.T.tolist() == sorted(map(list, pairs))


def test_a_missing_node_is_empty_unlabeled_and_in_no_part(raw):
    arrays = decode_planetoid(raw, made.card())
    assert arrays.num_nodes == 18
    assert arrays.y[13] == -100
    assert (arrays.y >= 0).sum() == 17
    assert arrays.features(dense=True)[13].abs().sum() == 0
    assert 13 not in np.concatenate([arrays.train, arrays.val, arrays.test])


def test_no_node_is_missing_where_the_files_name_them_all(tmp_path):
    card = made.planetoid(tmp_path, missing=False)
    arrays = decode_planetoid({p.name: p.read_bytes() for p in tmp_path.iterdir()}, card)
    assert arrays.num_nodes == 17
    assert (arrays.y >= 0).all()


def test_undirected_edges():
    pairs = np.array([[0, 2, 1, 1], [1, 0, 0, 1]])
    assert undirected_edges(pairs, 3).tolist() == [[0, 0, 1, 2], [1, 2, 0, 0]]
    assert undirected_edges(np.zeros((2, 0), dtype=np.int64), 3).shape == (2, 0)
    with pytest.raises(ValueError, match="an edge has node 3, but there are 3 nodes"):
        undirected_edges(np.array([[0], [3]]), 3)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda p: {"x": p["x"][:3]}, "x and y differ in rows"),
        (lambda p: {"tx": p["tx"][:, :5]}, "tx and allx differ in columns"),
        (lambda p: {"ty": p["ty"][:, :1]}, "ty does not have 2 columns"),
        (lambda p: {"tx": p["tx"][:4], "ty": p["ty"][:4]}, "test.index lists 5 nodes, tx has 4"),
        (lambda p: {"y": 1 - p["y"]}, "y is not the beginning of ally"),
        (lambda p: {"ty": p["ty"] * 2}, "not one-hot"),
        (lambda p: {"ty": p["ty"] + 1}, "not one-hot"),
        (lambda p: {"ty": p["ty"] * 0}, "test has an unlabeled node"),
        (lambda p: {"tx": p["tx"] * np.float32("nan")}, "a feature is NaN or infinite"),
        (lambda p: {"graph": {0: [10**6]}}, "they refer to node 1000000, but describe 17 nodes"),
        (lambda p: {"graph": {0: [-1]}}, "negative node"),
        (lambda p: {"graph": {0: ["a"]}}, "neighbors of node 0 are not all integers"),
        (lambda p: {"graph": {"a": [0]}}, "graph has the neighbors"),
        (lambda p: {"graph": {0: 1}}, "graph has the neighbors"),
        (lambda p: {"allx": p["allx"][:6], "ally": p["ally"][:6]}, r"allx has 6 rows, 4 \+ 3"),
        (lambda p: {"x": p["y"]}, "ind.tiny.x must contain the csr matrix.*got ndarray"),
        (lambda p: {"graph": [1]}, "ind.tiny.graph must contain .*got list"),
    ],
)
def test_files_that_do_not_fit_are_one_clear_error(raw, change, fault):
    with pytest.raises(ValueError, match=fault):
        decode_planetoid(spoiled(raw, **change(parts_of(raw))), made.card())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"15\nx\n", "test.index must contain one number per line"),
        (b"15\n15\n12\n17\n14", "must list each node once"),
        (b"11\n12\n17\n14\n16", "lists node 11, which is also in allx"),
        (b"9" * 30, "one number per line"),
        (b"\xff\x00", "one number per line"),
    ],
)
def test_a_bad_test_index(raw, text, fault):
    with pytest.raises(ValueError, match=fault):
        decode_planetoid(raw | {"ind.tiny.test.index": text}, made.card())


def test_every_file_is_named_when_it_is_damaged(raw):
    for name in raw:
        if not name.endswith("index"):
            with pytest.raises(ValueError, match=f"{name}: The pickle is damaged"):
                decode_planetoid(raw | {name: raw[name][:-5]}, made.card())


def test_a_malicious_file_is_named_and_does_not_run(raw, tmp_path):
    evil = f"cos\nsystem\n(S'touch {tmp_path}/ran'\ntR.".encode()
    with pytest.raises(UnsafePickleError, match=r"ind.tiny.allx: The pickle uses os.system"):
        decode_planetoid(raw | {"ind.tiny.allx": evil}, made.card())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["cora", "citeseer"])
def test_real_files_have_the_facts_of_the_card(real_data, name):
    card = describe(name)
    arrays = decode_planetoid(read_verified(card, real_data / card.folder), card)
    facts = card.facts
    assert arrays.num_nodes == facts["num_nodes"]
    assert arrays.edge_index.shape[1] == facts["num_edges"]
    assert arrays.num_features == facts["num_features"]
    assert np.bincount(arrays.y[arrays.y >= 0]).tolist() == facts["class_sizes"]
    assert (arrays.y < 0).sum() == facts["num_unlabeled"]
    assert (len(arrays.val), len(arrays.test)) == (500, 1000)
    assert np.bincount(arrays.y[arrays.train]).tolist() == [20] * len(card.class_names)
    assert (arrays.feature_data == 1).all()


@pytest.mark.parametrize(("name", "folder"), [("cora", "Cora"), ("citeseer", "CiteSeer")])
@pytest.mark.filterwarnings("ignore")  # torch-geometric unpickles with names long deprecated
def test_equals_torch_geometric(real_data, name, folder):
    from torch_geometric.io import read_planetoid_data

    theirs = read_planetoid_data(str(real_data / folder / "raw"), folder)
    ours = load(name, root=real_data, normalize_features=False, dense=True)
    assert ours.x.equal(theirs.x)
    mine = {tuple(edge) for edge in ours.graph.edge_index.T.tolist()}
    assert mine == {tuple(edge) for edge in theirs.edge_index.T.tolist()}
    assert ours.graph.num_edges == theirs.edge_index.shape[1]
    labeled = ours.y >= 0
    assert ours.y[labeled].equal(theirs.y[labeled])
    assert (~labeled).sum() == ours.card.facts["num_unlabeled"]
    assert theirs.y[~labeled].tolist() == [0] * int((~labeled).sum())
    for part in ("train", "val", "test"):
        mask = getattr(theirs, f"{part}_mask")
        assert mask.nonzero().flatten().tolist() == getattr(ours.split, part).tolist()


@pytest.mark.parametrize("name", ["cora", "citeseer"])
@pytest.mark.filterwarnings("ignore")
def test_normalised_features_equal_torch_geometric(real_data, name):
    from torch_geometric.data import Data
    from torch_geometric.transforms import NormalizeFeatures

    plain = load(name, root=real_data, normalize_features=False, dense=True)
    theirs = NormalizeFeatures()(Data(x=plain.x.clone())).x
    ours = load(name, root=real_data)
    assert ours.x.is_sparse
    assert ours.x.is_coalesced()
    assert (ours.x.to_dense() - theirs).abs().max() < 1e-7
