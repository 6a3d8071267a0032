"""Shapes are computed without importing torch's compiler, which works as ever afterwards."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import torch
import gnnvision as gv
from gnnvision.layers.uncompiled import without_compiler

graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4)

def texts():
    image = gv.models.mnist_cnn(1, 10, 28)
    bonds = gv.models.bond_network(5, 1, 8, bond_channels=2)
    attributed = gv.Graph(graph.edge_index, 4, edge_attr=torch.ones(graph.num_edges, 2))
    part = gv.Graph.batch([attributed, attributed]).section(0, 1)[0]  # views of a batch
    return [
        str(gv.summary(gv.models.gcn(5, 8, 2), graph)), str(gv.summary(image, gv.Grid((28, 28)))),
        str(gv.summary(bonds, part, channels=5)),
    ]

light = texts()
assert "torch._dynamo" not in sys.modules
assert "_dynamo" not in vars(torch)
with without_compiler():
    import torch._dynamo
    assert not hasattr(torch._dynamo, "__file__")
    assert torch._dynamo.is_compiling.__module__ != __name__
    assert hasattr(sys.modules["torch._dynamo"], "__file__")
calls = []
def backend(graph, inputs):
    calls.append(graph)
    return graph.forward
compiled = torch.compile(lambda x: torch.relu(x) + 1, backend=backend)
assert compiled(torch.ones(2)).tolist() == [2, 2]
assert calls
assert texts() == light
print("done")
"""


@pytest.mark.slow
def test_the_compiler_is_imported_only_by_those_who_use_it():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout.strip() == "done", done.stderr
