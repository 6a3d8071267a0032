"""What is found in data before anyone trains on them."""

import numpy as np
import pytest
import torch
from PIL import Image

import gnnvision as gv
from gnnvision.data.graphs.facts import homophily
from gnnvision.data.leaks import repeated_rows, tensor_rows
from gnnvision.data.split import Split


def node_task(edges, x, y, split, undirected=True, **more):
    x = torch.as_tensor(x, dtype=torch.float32)
    return gv.data.NodeTask(
        name="mine", kind="classification", in_channels=x.shape[1], num_outputs=2,
        class_names=("a", "b"), split=Split("public", *split),
        x=x, y=torch.tensor(y),
        graph=gv.Graph.from_edges(edges, num_nodes=len(x), undirected=undirected, **more),
    )  # fmt: skip


class TestNodes:
    def test_everything_is_counted(self):
        x = [[1, 5], [0, 5], [1, 5], [2, 5], [3, 5], [9, 5]]
        task = node_task(
            [(0, 1), (1, 2), (3, 4)], x, [0, 0, 1, 1, -100, 0], ([0, 2], [1], [3])
        )  # fmt: skip
        facts = gv.data.check(task).facts
        assert facts["edges"] == "3, undirected"
        assert facts["degrees"] == "0 / 1 / 2 (min / median / max)"
        assert facts["isolated nodes"] == "1 of 6, with no edge to another node"
        assert facts["components"] == "3, the largest with 3 of 6 nodes"
        assert facts["self loops"] == "0"
        assert facts["unlabeled"] == "1 of 6 nodes, which can be predicted"
        assert facts["homophily"].startswith("50.0 % of the edges join nodes of one class")
        assert facts["features"] == "2 columns, values 0 to 9, 1 of them the same for all nodes"

    def test_direction_loops_and_repeated_edges(self):
        graph = gv.Graph(torch.tensor([[0, 0, 1, 2, 2], [1, 1, 2, 2, 0]]), num_nodes=3)
        task = node_task([(0, 1)], torch.eye(3), [0, 1, 0], ([0], [1], [2]))
        object.__setattr__(task, "graph", graph)
        facts = gv.data.check(task).facts
        assert facts["edges"] == "5, directed"
        assert facts["self loops"] == "1"
        assert facts["duplicate edges"] == "1"
        assert facts["degrees"].startswith("in: 1 / 1 / 2")

    def test_a_graph_without_edges(self):
        task = node_task([], torch.eye(4), [0, 1, 0, 1], ([0, 1], [2], [3]))
        found = gv.data.check(task)
        assert found.facts["edges"] == "0, undirected"
        assert found.facts["homophily"] == "no edge joins two labeled nodes"
        assert not found.problems

    def test_the_same_node_in_two_splits(self):
        x = [[1, 0], [0, 1], [1, 0], [0, 2]]
        task = node_task([(0, 1), (2, 1), (3, 0)], x, [0, 1, 0, 1], ([0, 1], [3], [2]))
        assert not gv.data.check(task).warnings  # 0 has one neighbor more
        task = node_task([(0, 1), (2, 1), (3, 1)], x, [0, 1, 0, 1], ([0, 1], [3], [2]))
        (warning,) = [text for text in gv.data.check(task).warnings if "leakage" in text]
        assert warning.startswith(
            "1 node occurs in more than one split with the same features and neighbors "
            "(0 in training, 2 in test)."
        )


def test_homophily_by_hand():
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 2), (2, 3)], num_nodes=4)
    same, chance = homophily(graph, np.array([0, 0, 1, -1]))
    assert same == 0.5  # neither the self loop nor the edge to an unlabeled node counts
    assert chance == pytest.approx((2 / 3) ** 2 + (1 / 3) ** 2)
    assert homophily(graph, np.full(4, -1)) is None


def test_rows_are_the_same_dense_and_sparse():
    x = torch.tensor([[0.0, 1], [2, 0], [0, 1], [0, 0]])
    for form in (x, x.to_sparse(), x.to_sparse_csr()):
        a, b, c, d = tensor_rows(form)
        assert a == c
        assert len({a, b, d}) == 3
    assert repeated_rows([a, b, c], Split("mine", [0, 1], [], [2])) == [{"train": 0, "test": 2}]


class TestImages:
    @pytest.fixture
    def photos(self, tmp_path):
        draw = np.random.default_rng(0)
        for split, count in (("train", 6), ("test", 4)):
            for number in range(count):
                path = tmp_path / "photos" / split / ("a", "b")[number % 2] / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
        return tmp_path / "photos"

    def test_a_copy_in_the_test_split(self, photos):
        assert not [w for w in gv.data.check(photos).warnings if "same pixels" in w]
        (photos / "test" / "a" / "copy.png").write_bytes(
            (photos / "train" / "a" / "0.png").read_bytes()
        )
        found = gv.data.check(photos)
        (warning,) = [text for text in found.warnings if "same pixels" in text]
        assert "copy.png" in warning
        assert not found.problems
        assert "11 of 11 images are valid" in found.facts["files"]

    def test_a_broken_file_is_a_problem(self, photos):
        (photos / "train" / "b" / "broken.png").write_bytes(b"none")
        found = gv.data.check(photos)
        (problem,) = found.problems
        assert problem.startswith("1 image file cannot be read, such as 'train/b/broken.png'")
        assert "problem" in str(found)

    def test_images_without_files(self):
        task = gv.data.load("digits")
        task.images[task.split.test[0]] = task.images[task.split.train[0]]
        (warning,) = gv.data.check(task).warnings
        assert warning.startswith("1 image occurs in more than one split")


class TestMolecules:
    def test_a_table(self, tmp_path):
        rows = ["C" * n + "O" for n in range(1, 30)]
        lines = [f"{text},{n}" for n, text in enumerate([*rows, "OCC", "xyz"])]
        (tmp_path / "t.csv").write_text("smiles,y\n" + "\n".join(lines))
        found = gv.data.check(tmp_path / "t.csv", targets="y", seed=1)
        assert "1 of 31 rows" in found.facts["excluded"]
        assert "repeat" in found.facts["duplicates"]
        assert found.facts["scaffolds"].startswith("1; ")
        shared = [text for text in found.warnings if "1 molecule occurs in more than one" in text]
        assert len(shared) == len(found.task.duplicates())

    def test_a_target_that_cannot_be_read(self, tmp_path):
        lines = [f"{'C' * n},{n}" for n in range(1, 30)] + ["CO,about 3"]
        (tmp_path / "t.csv").write_text("smiles,y\n" + "\n".join(lines))
        found = gv.data.check(tmp_path / "t.csv", targets="y", kind="regression")
        assert "about 3" in found.problems[0]


def test_graphs_that_are_the_same_node_for_node():
    one = gv.Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
    batch = gv.Graph.batch([one, one, one, one])
    x = torch.tensor([0, 1, 0, 1, 1, 0, 2, 2.0])[:, None]
    task = gv.data.GraphTask(
        name="pairs", kind="classification", in_channels=1, num_outputs=2, class_names=("a", "b"),
        split=Split("public", [0, 3], [2], [1]), graphs=batch, x=x, y=torch.tensor([0, 0, 1, 1]),
    )  # fmt: skip
    found = gv.data.check(task)
    assert found.facts["sizes"] == "2 / 2 / 2 (min / median / max) nodes in a graph"
    (warning,) = [text for text in found.warnings if "leakage" in text]
    assert warning.startswith(
        "1 graph occurs in more than one split ('1' in training, '2' in test)"
    )


def test_what_cannot_be_read_at_all_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        gv.data.check(tmp_path / "nowhere")
