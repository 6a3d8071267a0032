"""The networks for molecules, against the formulas written out bond by bond."""

import pytest
import torch

import gnnvision as gv
from gnnvision.models import bond_network, molecule_gcn

SIZES = {"in_channels": 5, "num_outputs": 2, "hidden_channels": 8}


def molecules(sizes=((4, 3), (1, 0), (6, 6)), attributes=3):
    """Rings and chains with random features; the second has one atom and no bond."""
    generator = torch.Generator().manual_seed(0)
    graphs = []
    for nodes, bonds in sizes:
        pairs = [(k, (k + 1) % nodes) for k in range(bonds)]
        bare = gv.Graph.from_edges(pairs, nodes, undirected=True)
        half = torch.randn(bare.num_edges, attributes, generator=generator)
        graphs.append(gv.Graph(bare.edge_index, nodes, edge_attr=half))
    batch = gv.Graph.batch(graphs)
    return torch.randn(batch.num_nodes, 5, generator=generator), batch


def strong(**more):
    torch.manual_seed(0)
    return bond_network(**SIZES, bond_channels=3, **more).eval()


class TestBondNetwork:
    @pytest.mark.parametrize("depth", [1, 2, 4])
    def test_messages_as_the_paper_writes_them(self, depth):
        """Yang et al. 2019, equations 2 to 6, one bond at a time."""
        x, graph = molecules()
        layer = strong(depth=depth)[0]
        source, target = graph.edge_index.tolist()
        first = [
            layer.atom(x[source[e]]) + layer.bond(graph.edge_attr[e])
            for e in range(graph.num_edges)
        ]
        state = [h.relu() for h in first]
        for _ in range(depth - 1):
            received = [
                sum(
                    (
                        state[k]
                        for k in range(graph.num_edges)
                        if target[k] == source[e] and source[k] != target[e]
                    ),
                    start=torch.zeros(8),
                )
                for e in range(graph.num_edges)
            ]
            state = [
                (first[e] + layer.conv.lin(received[e])).relu() for e in range(graph.num_edges)
            ]
        atoms = []
        for v in range(graph.num_nodes):
            arrived = [state[e] for e in range(graph.num_edges) if target[e] == v]
            total = sum(arrived, start=torch.zeros(8))
            atoms.append((layer.atom_last(x[v]) + layer.message_last(total)).relu())
        assert torch.allclose(layer(x, graph), torch.stack(atoms), atol=1e-6)

    def test_molecules_do_not_influence_one_another(self):
        x, graph = molecules()
        model = strong()
        together = model(x, graph)
        for number, part in enumerate(graph.unbatch()):
            alone = model(x[graph.member_nodes([number])], part)
            assert torch.allclose(alone[0], together[number], atol=1e-6)

    def test_the_order_of_atoms_does_not_matter(self):
        x, graph = molecules(((6, 6),))
        order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
        place = order.argsort()
        turned = gv.Graph(place[graph.edge_index], 6, edge_attr=graph.edge_attr)
        model = strong()
        assert torch.allclose(model(x[order], turned), model(x, graph), atol=1e-6)

    def test_bonds_matter(self):
        x, graph = molecules(((6, 6),))
        other = gv.Graph(graph.edge_index, 6, edge_attr=graph.edge_attr + 1)
        model = strong()
        assert (model(x, other) - model(x, graph)).abs().max() > 1e-3

    def test_descriptors_matter_and_are_brought_to_one_scale(self):
        x, graph = molecules()
        table = torch.tensor([[0.0, 1e6], [1.0, 2e6], [2.0, 4e6]])
        given = gv.Graph(
            graph.edge_index,
            graph.num_nodes,
            edge_attr=graph.edge_attr,
            offsets=graph.offsets,
            graph_attr=table,
        )
        torch.manual_seed(0)
        model = bond_network(**SIZES, bond_channels=3, descriptors=2)
        head = model[1]
        model(x, given)
        assert torch.allclose(
            head.scale.running_mean, 0.1 * table.mean(0), rtol=1e-5
        )  # torch's momentum
        with pytest.raises(ValueError, match="graph_attr with 2 columns, got none"):
            model(x, graph)

    def test_a_graph_without_bond_features(self):
        x, graph = molecules()
        bare = gv.Graph(graph.edge_index, graph.num_nodes, offsets=graph.offsets)
        with pytest.raises(ValueError, match="'domain' must have edge_attr"):
            strong()(x, bare)

    def test_depth_is_at_least_one(self):
        with pytest.raises(ValueError, match="'depth' must be at least 1, got 0"):
            strong(depth=0)


def test_the_lectures_network_is_convolutions_a_mean_and_a_line():
    x, graph = molecules()
    torch.manual_seed(0)
    model = molecule_gcn(**SIZES, num_layers=2).eval()
    adjacency = graph.normalized_adjacency().to_dense()
    first, second, last = model[0], model[2], model[-2]
    hidden = (adjacency @ x @ first.lin.weight.t() + first.bias).relu()
    hidden = (adjacency @ hidden @ second.lin.weight.t() + second.bias).relu()
    means = torch.stack([part.mean(0) for part in hidden.split(graph.offsets.diff().tolist())])
    assert torch.allclose(model(x, graph), last(means), atol=1e-6)


@pytest.mark.parametrize("name", ["molecule_gcn", "bond_network"])
def test_a_network_can_be_built_again(name):
    more = {"bond_channels": 3} if name == "bond_network" else {}
    model = gv.models.build(name, **SIZES, **more).eval()
    again = gv.models.build(name, **model.spec["arguments"]).eval()
    again.load_state_dict(model.state_dict())
    x, graph = molecules()
    assert torch.equal(model(x, graph), again(x, graph))
