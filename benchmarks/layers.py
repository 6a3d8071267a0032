"""One GCN layer, 128 to 128 channels, forward and backward, on a graph as large as ogbn-arxiv.

    python benchmarks/layers.py --rounds 7

169,343 nodes and 2.3 million directed edges, drawn at random both ways, so that the graph is
undirected; features and all weights get gradients. The peer is torch-geometric's GCNConv in each
of its forms: the edge list, normalised anew or cached, and a CSR adjacency of torch.sparse,
normalised beforehand, which is its best form on a CPU. Memory is what the second pass of a fresh
process needs at its peak beyond what the process held before.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, peak_memory, peak_of, table, with_allocator

with_allocator()

import torch  # noqa: E402

import gnnvision as gv  # noqa: E402

NODES, EDGES, CHANNELS = 169_343, 2_315_598, 128


def main() -> None:
    """All forms in turn: time, memory, and the largest difference of the outputs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", help="run one form alone and print its peak memory in MiB")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    from torch_geometric.nn import GCNConv
    from torch_geometric.nn.conv.gcn_conv import gcn_norm

    half = torch.randint(0, NODES, (2, EDGES // 2))
    edge_index = torch.cat([half, half.flip(0)], 1)
    graph = gv.Graph(edge_index, NODES)
    x = torch.randn(NODES, CHANNELS, requires_grad=True)
    seed_gradient = torch.randn(NODES, CHANNELS)
    ours = gv.GCNConv(CHANNELS, CHANNELS)
    peers = {
        "edge list": GCNConv(CHANNELS, CHANNELS),
        "edge list, cached": GCNConv(CHANNELS, CHANNELS, cached=True),
        "CSR adjacency": GCNConv(CHANNELS, CHANNELS, normalize=False),
    }
    for layer in peers.values():
        layer.load_state_dict(ours.state_dict())
    index, weight = gcn_norm(edge_index, None, NODES)
    place = index[1].argsort(stable=True)
    rowptr = torch.zeros(NODES + 1, dtype=torch.int64)
    rowptr[1:] = torch.bincount(index[1], minlength=NODES).cumsum(0)
    csr = torch.sparse_csr_tensor(rowptr, index[0][place], weight[place], (NODES, NODES))
    arguments = {name: csr if "CSR" in name else edge_index for name in peers}

    def forward_backward(layer: torch.nn.Module, domain: object) -> torch.Tensor:
        x.grad = None
        layer.zero_grad()
        out = layer(x, domain)
        out.backward(seed_gradient)
        return out.detach()

    programs = {"gnnvision.GCNConv": lambda: forward_backward(ours, graph)}
    for name, layer in peers.items():
        programs[f"torch-geometric, {name}"] = lambda layer=layer, name=name: forward_backward(
            layer, arguments[name]
        )
    if options.only is not None:
        print(peak_of(programs[options.only]))
        return
    print(machine(options.threads))
    results = {name: program() for name, program in programs.items()}
    truth = results["gnnvision.GCNConv"]
    for name, value in results.items():
        print(f"largest difference from ours, {name}: {float((value - truth).abs().max()):.1e}")
    del results, value, truth
    print(table(in_turn(programs, options.rounds), "gnnvision.GCNConv", 1e-3, "ms"))
    if options.only is None:
        for name in programs:
            print(f"peak memory, {name}: {peak_memory('--only', name):.0f} MiB")


if __name__ == "__main__":
    main()
