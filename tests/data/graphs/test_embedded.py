import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pytest

from gnnvision.data import ChecksumError, datasets_folder, describe
from gnnvision.data.graphs import embedded as embedded_module
from gnnvision.data.graphs.embedded import read_embedded


def test_karate_is_networkx_s():
    import networkx as nx

    card = describe("karate")
    arrays = read_embedded(card)
    club = nx.karate_club_graph()
    dense = np.zeros((34, 34))
    dense[tuple(arrays.edge_index)] = 1
    np.testing.assert_array_equal(dense, nx.to_numpy_array(club, weight=None))
    assert arrays.features(dense=True).equal(arrays.features(dense=True).T)
    assert [card.class_names[label] for label in arrays.y] == [
        club.nodes[node]["club"] for node in club
    ]


def test_the_public_split_of_karate_is_as_its_card_says():
    import networkx as nx

    arrays = read_embedded(describe("karate"))
    degree = np.array([d for _, d in sorted(nx.karate_club_graph().degree())])
    for side in (0, 1):
        members = np.flatnonzero(arrays.y == side)
        most = members[np.argsort(-degree[members], kind="stable")][:4]
        assert set(most) == set(arrays.train[arrays.y[arrays.train] == side])
        rest = [node for node in members if node not in most]
        assert rest[:4] == arrays.val[arrays.y[arrays.val] == side].tolist()
        assert rest[4:] == arrays.test[arrays.y[arrays.test] == side].tolist()


def test_stdlib_has_the_facts_of_its_card():
    card = describe("stdlib")
    arrays = read_embedded(card)
    assert arrays.num_nodes == card.facts["num_nodes"]
    assert arrays.edge_index.shape[1] == card.facts["num_edges"]
    assert arrays.num_features == card.facts["num_features"]
    assert np.bincount(arrays.y[arrays.y >= 0]).tolist() == card.facts["class_sizes"]
    assert (arrays.y < 0).sum() == card.facts["num_unlabeled"]
    assert tuple(arrays.class_names.tolist()) == card.class_names
    rule = card.split_rule("public")
    assert np.bincount(arrays.y[arrays.train]).tolist() == [rule.per_class] * len(card.class_names)
    assert (len(arrays.val), len(arrays.test)) == (rule.num_val, rule.num_test)


def test_a_changed_embedded_file_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "embedded").mkdir()
    path = tmp_path / "embedded" / "stdlib.npz"
    shutil.copy(datasets_folder() / "embedded" / "stdlib.npz", path)
    monkeypatch.setattr(embedded_module, "datasets_folder", lambda: tmp_path)
    card = describe("stdlib")
    assert read_embedded(card).num_nodes == card.facts["num_nodes"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ChecksumError, match=r"stdlib.npz must have the SHA-256"):
        read_embedded(card)


def test_an_embedded_file_with_objects_is_not_unpickled(tmp_path, monkeypatch):
    (tmp_path / "embedded").mkdir()
    path = tmp_path / "embedded" / "stdlib.npz"
    np.savez(path, edge_index=np.array([print], dtype=object))
    monkeypatch.setattr(embedded_module, "datasets_folder", lambda: tmp_path)
    card = describe("stdlib")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    card = replace(card, files=(replace(card.files[0], sha256=digest),))
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        read_embedded(card)
