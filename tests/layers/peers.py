"""torch-geometric's layers with the same parameters: same outputs, same gradients."""

import torch

from ..graphs import directed, make, multi, undirected

# Graphs on which torch-geometric's formulas are the same as ours and finite.
PEER_GRAPHS = {
    "undirected": undirected,
    "directed": directed,
    "parallel edges, loops, a node alone": multi,
    "two loops at a node": lambda: make([(0, 0), (0, 1), (0, 0), (2, 1)], 3, [0.5, 1.0, 2.0, 0.7]),
    "no edges": lambda: make([], 3),
    "no nodes": lambda: make([], 0),
}


def assert_equals_peer(ours, theirs, graph, columns=(), *, ours_alone=(), theirs_alone=()):
    """The peer's state_dict loads unchanged; then values and gradients are the same.

    `columns` are the columns of the graph that follow the edge_index in both calls; the last two
    are further arguments of one of the calls.
    """
    graph = graph if ours.reads_weights else graph.without_weights()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn_like(parameter))
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(graph.num_nodes, ours.in_channels)
    extra = [getattr(graph, name) for name in columns]
    calls = [
        (theirs, (graph.edge_index, *extra, *theirs_alone)),
        (ours, (graph.edge_index, *extra, *ours_alone)),
        (ours, (graph, *ours_alone)),
    ]
    outputs, grads = [], []
    for layer, arguments in calls:
        signal = x.clone().requires_grad_()
        y = layer(signal, *arguments)
        slope = torch.linspace(-1, 1, y.numel()).view_as(y)
        inputs = [signal, *dict(layer.named_parameters()).values()]
        found = torch.autograd.grad((y * slope).sum(), inputs, allow_unused=True)
        outputs.append(y.detach())
        grads.append(
            [torch.zeros_like(i) if g is None else g for g, i in zip(found, inputs, strict=True)]
        )
    names = [["x", *dict(layer.named_parameters())] for layer, _ in calls]
    for i in (1, 2):
        torch.testing.assert_close(outputs[i], outputs[0])
        assert sorted(names[i]) == sorted(names[0])
        by_name = [dict(zip(names[j], grads[j], strict=True)) for j in (i, 0)]
        torch.testing.assert_close(by_name[0], by_name[1])
