"""Tasks from torch-geometric: `Data`, batches, lists, its own datasets, and what is refused."""

import shutil
import types

import pytest
import torch
from torch_geometric.data import Batch, Data, HeteroData

import gnnvision as gv
from gnnvision.data import GraphTask, NodeTask, Split, from_pyg

N = 40
GENERATOR = torch.Generator().manual_seed(3)


def ring(n=N):
    first = torch.arange(n)
    pairs = torch.stack([first, (first + 1) % n])
    return torch.cat([pairs, pairs.flip(0)], 1)


def data(**changes):
    """Two classes in a ring, which the features tell."""
    y = torch.arange(N) % 2
    held = {"x": torch.eye(2)[y], "edge_index": ring(), "y": y}
    made = Data()
    for name, value in (held | changes).items():
        if value is not None:
            made[name] = value
    return made


def masked(*rows):
    return {
        f"{name}_mask": torch.isin(torch.arange(N), torch.tensor(r))
        for name, r in zip(("train", "val", "test"), rows, strict=True)
    }


def graphs(count=20, **changes):
    """Rings and paths: one label each."""
    found = []
    for number in range(count):
        edges = ring(5) if number % 2 else ring(5)[:, [0, 1, 2, 3, 5, 6, 7, 8]]
        held = {"x": torch.ones(5, 3), "edge_index": edges, "y": torch.tensor([number % 2])}
        found.append(Data(**{k: v for k, v in (held | changes).items() if v is not None}))
    return found


# --- one Data -----------------------------------------------------------------------------------


def test_masks_become_the_split_and_it_trains():
    task = from_pyg(data(**masked([0, 1, 2, 3], [4, 5], [6, 7, 8])))
    assert isinstance(task, NodeTask)
    assert task.split == Split("", [0, 1, 2, 3], [4, 5], [6, 7, 8])
    assert task.graph.edge_index.equal(ring())
    result = gv.fit(gv.models.gcn(2, 8, 2), task, gv.Recipe(epochs=2), progress=False)
    assert 0 <= result.outcomes[0].metrics["test"]["accuracy"] <= 1


def test_without_masks_the_split_is_random_and_that_is_said():
    task = from_pyg(data(), seed=4)
    assert task.split.sizes == {"train": 32, "val": 4, "test": 4}
    assert task.overview()["masks"] == "none, so the split is random, stratified by class"
    assert task.with_seed(4) is task
    assert task.with_seed(5).split != task.split
    assert from_pyg(data(), seed=5).split == task.with_seed(5).split


def test_masks_with_columns_are_one_split_for_each_seed():
    one, two = masked([0, 1], [2], [3]), masked([4, 5], [6], [7])
    task = from_pyg(data(**{name: torch.stack([one[name], two[name]], 1) for name in one}))
    assert task.split == Split("", [0, 1], [2], [3])
    assert task.with_seed(1).split == Split("", [4, 5], [6], [7])
    assert task.with_seed(2).split == task.split


def test_a_split_of_ones_own_has_precedence():
    own = Split("mine", [0], [1], [2])
    assert from_pyg(data(**masked([5], [6], [7])), split=own).split == own


@pytest.mark.parametrize("shape", [(2 * N,), (2 * N, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_edge_weights_of_any_shape_are_used(shape, dtype):
    weight = torch.arange(1, 2 * N + 1, dtype=dtype)
    task = from_pyg(data(edge_weight=weight.reshape(shape)))
    assert task.graph.edge_weight.tolist() == weight.tolist()
    other = from_pyg(data())
    assert task.data_hash != other.data_hash
    gv.fit(gv.models.gcn(2, 4, 2), task, gv.Recipe(epochs=1), progress=False)


def test_edge_attributes_and_types_are_kept():
    attributes, types_ = torch.rand(2 * N, 3), torch.arange(2 * N) % 4
    graph = from_pyg(data(edge_attr=attributes, edge_type=types_)).graph
    assert graph.edge_attr.equal(attributes)
    assert graph.edge_type.equal(types_)
    assert from_pyg(data(edge_attr=attributes[:, 0])).graph.edge_attr.equal(attributes[:, :1])


def test_unlabeled_nodes_are_said_and_in_no_random_split():
    y = torch.arange(N) % 2
    y[10:] = -1
    task = from_pyg(data(y=y))
    assert sum(task.split.sizes.values()) == 10
    assert task.overview()["labels"] == "30 of 40 nodes are unlabeled; they can be predicted"
    none = from_pyg(data(y=None))
    assert none.overview()["labels"] == "none"
    assert none.split.sizes == {"train": 0, "val": 0, "test": 0}


def test_kinds():
    values = from_pyg(data(y=torch.rand(N)))
    assert (values.kind, values.y.shape) == ("regression", (N, 1))
    mean, std = values.target_statistics
    train = values.y[values.split.train.tolist()]
    torch.testing.assert_close(mean, train.mean(0))
    torch.testing.assert_close(std, train.std(0, correction=0))
    several = from_pyg(data(y=(torch.rand(N, 3) > 0.5).float()))
    assert (several.kind, several.num_outputs) == ("multilabel", 3)
    as_classes = from_pyg(data(y=(torch.arange(N) % 2).float()), kind="classification")
    assert as_classes.kind == "classification"
    named = from_pyg(data(), class_names=["even", "odd"], node_names=range(100, 100 + N))
    assert (named.class_names, named.graph.node_names[0]) == (("even", "odd"), 100)


def test_targets_outside_the_split_are_missing():
    y = torch.rand(N)
    task = from_pyg(data(y=y, **masked([0, 1], [2], [3])))
    ((_, _, target),) = task.batches("train")
    assert target[:2, 0].equal(y[:2])
    assert bool(target[2:].isnan().all())


def test_without_features_each_node_has_its_own():
    task = from_pyg(data(x=None))
    assert task.x.equal(torch.eye(N))
    assert task.overview()["features"].startswith("none, so each node has its own feature")
    assert (
        "data.pos is not used"
        in from_pyg(data(x=None, pos=torch.rand(N, 2))).overview()["features"]
    )


@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_a_transposed_sparse_adjacency(layout):
    forward = torch.tensor([[0, 0, 1], [1, 2, 2]])
    sparse = torch.sparse_coo_tensor(
        forward.flip(0), torch.tensor([1.0, 2, 3]), (N, N), check_invariants=True
    )
    made = data(edge_index=None, adj_t=sparse.to_sparse_csr() if layout == "csr" else sparse)
    dense = from_pyg(made).graph.adjacency().to_dense()
    assert [dense[0, 1], dense[0, 2], dense[1, 2], dense.sum()] == [1, 2, 3, 6]


def test_features_of_other_types():
    whole = from_pyg(data(x=torch.ones(N, 2, dtype=torch.int64)))
    assert whole.x.dtype == torch.float32
    sparse = from_pyg(data(x=torch.eye(N).to_sparse_csr()))
    assert sparse.x.layout == torch.sparse_coo
    assert from_pyg(data(x=torch.rand(N))).x.shape == (N, 1)


def test_a_graph_without_edges_works():
    task = from_pyg(data(edge_index=torch.empty(2, 0, dtype=torch.int64)))
    gv.fit(gv.models.gcn(2, 4, 2), task, gv.Recipe(epochs=1), progress=False)
    assert "0 edges" in task.overview()["graph"]


# --- several graphs -----------------------------------------------------------------------------


def test_a_list_of_graphs_is_a_task_on_graphs_and_trains():
    task = from_pyg(graphs())
    assert isinstance(task, GraphTask)
    assert (task.kind, task.graphs.num_graphs, task.y.tolist()) == (
        "classification", 20, [0, 1] * 10,
    )  # fmt: skip
    assert task.split.sizes == {"train": 16, "val": 2, "test": 2}
    model = gv.models.molecule_gcn(3, 2, 4)
    gv.fit(model, task, gv.Recipe(epochs=1), progress=False)


def test_a_batch_an_iterator_and_a_list_are_the_same_task():
    listed = graphs()
    hashes = {from_pyg(each).data_hash for each in (listed, Batch.from_data_list(listed))}
    assert {from_pyg(iter(listed)).data_hash} == hashes
    assert len(hashes) == 1


def test_targets_of_graphs():
    values = from_pyg(graphs(y=torch.rand(1, 2)))
    assert (values.kind, values.y.shape) == ("regression", (20, 2))
    assert from_pyg(graphs(y=0.25)).y.tolist() == [[0.25]] * 20
    several = from_pyg(graphs(y=torch.tensor([[1.0, 0, 1]])))
    assert (several.kind, several.num_outputs) == ("multilabel", 3)
    some = graphs()
    del some[3].y
    assert from_pyg(some).y[3] == -100
    assert from_pyg(some).overview()["labels"].startswith("1 of 20 graphs")


def test_graphs_without_features_have_the_feature_1():
    task = from_pyg(graphs(x=None, num_nodes=5))
    assert task.x.equal(torch.ones(100, 1))
    assert task.overview()["features"] == "none, so every node has the single feature 1"


def test_the_datasets_of_a_split():
    task = from_pyg({"train": graphs(10), "test": graphs(4)})
    assert task.split.sizes == {"train": 10, "val": 0, "test": 4}
    with pytest.raises(ValueError, match="'data' must be one of 'train', 'val', 'test'"):
        from_pyg({"training": graphs(2)})


def test_graphs_with_labels_of_nodes_are_one_task_on_nodes():
    task = from_pyg(graphs(6, y=torch.tensor([0, 1, 0, 1, 0])))
    assert isinstance(task, NodeTask)
    assert (task.graph.num_graphs, task.graph.num_nodes) == (6, 30)
    whole = Split("graphs", [0, 1, 2, 3], [4], [5])
    split = from_pyg(graphs(6, y=torch.tensor([0, 1, 0, 1, 0])), split=whole).split
    assert split.test.tolist() == [25, 26, 27, 28, 29]
    parts = {"train": graphs(4, y=torch.arange(5) % 2), "test": graphs(2, y=torch.arange(5) % 2)}
    assert from_pyg(parts).split.sizes == {"train": 20, "val": 0, "test": 10}


def test_the_split_of_an_ogb_dataset():
    rows = {"train": torch.tensor([0, 1]), "valid": torch.tensor([2]), "test": torch.tensor([3])}

    class Ogb(list):
        name = "ogbn-made"

        def get_idx_split(self):
            return rows

    task = from_pyg(Ogb([data(y=(torch.arange(N) % 2)[:, None])]))
    assert task.split == Split("", [0, 1], [2], [3])
    of_graphs = from_pyg(Ogb(graphs(4)))
    assert of_graphs.split == Split("", [0, 1], [2], [3])


# --- torch-geometric's own datasets -------------------------------------------------------------


def test_cora_is_our_cora(real_data, tmp_path):
    from torch_geometric.datasets import Planetoid

    if not (real_data / "Cora").is_dir():
        pytest.skip("needs Cora")
    shutil.copytree(real_data / "Cora", tmp_path / "Cora")
    dataset = Planetoid(str(tmp_path), "Cora")
    task, ours = from_pyg(dataset), gv.data.load("cora", root=real_data, normalize_features=False)
    assert task.name == "Cora"
    assert task.split == ours.split
    assert task.y.equal(ours.y)
    assert task.x.equal(ours.x.to_dense())
    assert task.graph.adjacency().to_dense().equal(ours.graph.adjacency().to_dense())
    assert from_pyg(dataset[0]).data_hash == task.data_hash


def test_mutag_is_our_mutag(real_data, tmp_path):
    from torch_geometric.datasets import TUDataset

    raw = real_data / "MUTAG" / "MUTAG" / "raw"
    if not raw.is_dir():
        pytest.skip("needs MUTAG")
    shutil.copytree(raw, tmp_path / "MUTAG" / "raw")
    task = from_pyg(TUDataset(str(tmp_path), "MUTAG"))
    with pytest.warns(UserWarning, match="repeat an edge"):
        ours = gv.data.load("mutag", root=real_data)
    assert task.y.equal(ours.y)
    assert task.x.equal(ours.x)
    assert task.graphs.edge_index.equal(ours.graphs.edge_index)


# --- what is refused ----------------------------------------------------------------------------


def test_several_types_are_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"single type .* got HeteroData\. Use data\.to_homogen"):
        from_pyg(HeteroData())
    with pytest.raises(TypeError, match=r"'data\[1\]' must have a single type"):
        from_pyg([data(), HeteroData()])


@pytest.mark.parametrize(
    ("given", "error", "fault"),
    [
        (lambda: 3, TypeError, "'data' must be torch-geometric data, got int"),
        (lambda: [], ValueError, "'data' must have at least one graph, got none"),
        (lambda: [1, 2], TypeError, r"'data' must be a torch_geometric.data.Data, got int"),
        (lambda: Data(x=torch.ones(3, 1)), ValueError, "'data' must have an edge_index"),
        (lambda: data(x=torch.full((N, 1), torch.nan)), ValueError, "'data.x' must be finite"),
        (
            lambda: data(**masked([0, 1], [1], [2])),
            ValueError,
            "'val_mask' must share no item with train_mask",
        ),
        (
            lambda: data(y=torch.zeros(7)),
            ValueError,
            "'data.y' must have one row for each of the 40 n",
        ),
        (
            lambda: [*graphs(2), Data(edge_index=ring(5), num_nodes=5, y=torch.tensor([1]))],
            ValueError,
            "'data.x' must be in all graphs or in none, got graph 2 without it",
        ),
        (
            lambda: [*graphs(2), *graphs(1, x=torch.ones(5, 4))],
            ValueError,
            "as many features in every graph, got 3 of graph 0 and 4 of graph 2",
        ),
        (lambda: graphs(2, y=torch.rand(2, 3)), ValueError, "'data.y' must be one row of targets"),
    ],
)
def test_what_is_refused(given, error, fault):
    with pytest.raises(error, match=fault):
        from_pyg(given())


def test_an_object_with_the_attributes_of_data_will_do():
    plain = types.SimpleNamespace(x=torch.eye(4), edge_index=ring(4), y=torch.tensor([0, 1, 0, 1]))
    assert from_pyg(plain).graph.num_nodes == 4
