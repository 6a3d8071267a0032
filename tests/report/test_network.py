import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.network import network
from gnnvision.report.parts import Run

from .conftest import trained

MODELS = {
    "gcn": lambda: gv.models.gcn(34, 8, 2),
    "blocks": lambda: gv.models.classic_gcn(34, 8, 2, norm="batch", residual=True),
}


class Looks(nn.Module):
    """It looks at the numbers of the signal."""

    def __init__(self):
        super().__init__()
        self.conv = gv.GCNConv(34, 2)

    def forward(self, x, graph):
        return self.conv(x, graph) if x.to_dense().any() else self.conv(-x, graph)


@pytest.mark.parametrize("name", MODELS)
def test_the_rows_add_up_to_the_total(name, tmp_path):
    result = trained(gv.data.load("karate"), None, 1, epochs=1, model=MODELS[name]())
    (table,) = network(Run(result, tmp_path)).tables
    column = table.head.index("Parameters")
    counts = [int(row[column].replace(",", "")) for row in table.rows]
    assert sum(counts[:-1]) == counts[-1] == sum(p.numel() for p in result.model.parameters())


def test_shapes_are_those_of_the_data(karate_run, tmp_path):
    (table,) = network(Run(karate_run[0], tmp_path)).tables
    rows = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    assert [row["Output"] for row in rows[-2:]] == ["34×2", "34×2"]
    assert rows[1]["Type"].startswith("GCNConv")
    assert rows[-2]["Receptive field"] == "2 hops"


def test_a_network_that_cannot_be_counted_is_said_to_be_one(tmp_path):
    torch.manual_seed(0)
    result = trained(gv.data.load("karate"), None, 1, epochs=1, model=Looks())
    section = network(Run(result, tmp_path))
    assert not section.tables
    assert "70 parameters" in section.lead
    assert "could not be summarized" in section.note
