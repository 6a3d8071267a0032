"""Time of every graph layer and of torch-geometric's, forward and backward, same weights.

    python benchmarks/families.py --rounds 5

A random graph of 20,000 nodes and 300,000 edges, 64 channels, attention with 8 heads of 8, edge
attributes of 8 columns. torch-geometric gets the edge list. The outputs are compared before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
from torch import Tensor, nn

import gnnvision as gv

NODES, EDGES, CHANNELS, ATTRIBUTES = 20_000, 300_000, 64, 8
HEADS = {"out_channels": 8, "heads": 8}


def network(width: int) -> nn.Module:
    """The network of `NNConv`, from attributes of edges to matrices."""
    return nn.Sequential(nn.Linear(ATTRIBUTES, 16), nn.ReLU(), nn.Linear(16, width))


# The layer of a library, its number of input channels, and whether it reads edge attributes.
LAYERS: dict[str, tuple[Callable[[Any], nn.Module], int, bool]] = {
    "GCNConv": (lambda m: m.GCNConv(CHANNELS, CHANNELS), CHANNELS, False),
    "GraphConv": (lambda m: m.GraphConv(CHANNELS, CHANNELS), CHANNELS, False),
    "SAGEConv": (lambda m: m.SAGEConv(CHANNELS, CHANNELS), CHANNELS, False),
    "GINConv": (lambda m: m.GINConv(nn.Linear(CHANNELS, CHANNELS)), CHANNELS, False),
    "ChebConv, K=4": (lambda m: m.ChebConv(CHANNELS, CHANNELS, K=4), CHANNELS, False),
    "SGConv, K=2": (lambda m: m.SGConv(CHANNELS, CHANNELS, K=2), CHANNELS, False),
    "TAGConv, K=3": (lambda m: m.TAGConv(CHANNELS, CHANNELS), CHANNELS, False),
    "APPNP, K=10": (lambda m: m.APPNP(10, 0.1), CHANNELS, False),
    "GATConv": (lambda m: m.GATConv(CHANNELS, **HEADS), CHANNELS, False),
    "GATConv, edges": (
        lambda m: m.GATConv(CHANNELS, **HEADS, edge_dim=ATTRIBUTES),
        CHANNELS,
        True,
    ),
    "GATv2Conv": (lambda m: m.GATv2Conv(CHANNELS, **HEADS), CHANNELS, False),
    "TransformerConv": (lambda m: m.TransformerConv(CHANNELS, **HEADS), CHANNELS, False),
    "TransformerConv, edges": (
        lambda m: m.TransformerConv(CHANNELS, **HEADS, edge_dim=ATTRIBUTES),
        CHANNELS,
        True,
    ),
    "GINEConv": (
        lambda m: m.GINEConv(nn.Linear(CHANNELS, CHANNELS), edge_dim=ATTRIBUTES),
        CHANNELS,
        True,
    ),
    "NNConv, 16 channels": (lambda m: m.NNConv(16, 16, network(256)), 16, True),
    "EdgeConv": (lambda m: m.EdgeConv(nn.Linear(2 * CHANNELS, CHANNELS)), CHANNELS, False),
}


def programs(name: str, nodes: int = NODES, edges: int = EDGES) -> dict[str, Callable[[], Tensor]]:
    """Functions that run forward and backward, ours first, and return the output."""
    import torch_geometric.nn as peer

    torch.manual_seed(0)
    make, channels, reads = LAYERS[name]
    edge_index = torch.randint(0, nodes, (2, edges))
    attributes = (torch.randn(edges, ATTRIBUTES),) if reads else ()
    graph = gv.Graph(edge_index, nodes, edge_attr=attributes[0] if reads else None)
    x = torch.randn(nodes, channels, requires_grad=True)
    ours, theirs = make(gv), make(peer)
    theirs.load_state_dict(ours.state_dict())

    def forward_backward(module: nn.Module, *domain: object) -> Tensor:
        x.grad = None
        module.zero_grad()
        out: Tensor = module(x, *domain)
        out.sum().backward()
        return out.detach()

    return {
        "gnnvision": lambda: forward_backward(ours, graph),
        "torch-geometric": lambda: forward_backward(theirs, edge_index, *attributes),
    }


def main(argv: list[str] | None = None) -> None:
    """Print a row for each layer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    print(
        f"{'median ms':24}{'gnnvision':>12}{'torch-geometric':>18}{'ratio':>9}{'difference':>13}"
    )
    for name in LAYERS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch-geometric's use of torch.jit
            pair = programs(name)
            ours, theirs = (program() for program in pair.values())
            seconds = in_turn(pair, options.rounds)
        times = [1000 * statistics.median(each) for each in seconds.values()]
        difference = float((ours - theirs).abs().max() / theirs.abs().max())
        row = f"{times[0]:12.1f}{times[1]:18.1f}{times[1] / times[0]:9.2f}{difference:13.1e}"
        print(f"{name:24}{row}", flush=True)


if __name__ == "__main__":
    main()
