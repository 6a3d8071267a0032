"""The networks of the lesson "Four uses of graphs" are better than those without edges."""

import pytest

from tests.docs.lessons import run_lesson


@pytest.mark.slow
def test_edges_help(tmp_path):
    names, outputs = run_lesson("graph_uses", tmp_path)
    score = names["results"]
    assert score["karate"] > 0.85
    assert score["karate without edges"] < 0.7
    assert score["stdlib"] > score["stdlib words"]
    assert score["molecules"] < score["molecules atoms"]
    assert score["mesh"] > max(score["mesh points"], score["mesh GCNConv"]) + 0.1
    assert sum(one.path is not None for shown in outputs for one in shown) == 6
