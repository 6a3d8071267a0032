import pytest

import gnnvision as gv
from gnnvision.report.network import network
from gnnvision.report.parts import Run

from .conftest import trained

MODELS = {
    "gcn": lambda: gv.models.gcn(34, 8, 2),
    "blocks": lambda: gv.models.classic_gcn(34, 8, 2, norm="batch", residual=True),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_rows_add_up_to_the_total(name, tmp_path):
    result = trained(gv.data.load("karate"), None, 1, epochs=1, model=MODELS[name]())
    (table,) = network(Run(result, tmp_path)).tables
    counts = [int((row[3] or "0").replace(",", "")) for row in table.rows]
    assert sum(counts[:-1]) == counts[-1] == sum(p.numel() for p in result.model.parameters())


def test_shapes_are_those_of_the_data(karate_run, tmp_path):
    (table,) = network(Run(karate_run[0], tmp_path)).tables
    assert [row[2] for row in table.rows[-2:]] == ["34 × 2", ""]
    assert table.rows[2][1] == "GCNConv (34, 8)"
