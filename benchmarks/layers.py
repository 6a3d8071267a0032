"""Time and memory of a graph layer, forward and backward, on a graph as large as ogbn-arxiv.

    python benchmarks/layers.py --rounds 7
    python benchmarks/layers.py --layer gcn --dtype bfloat16
    python benchmarks/layers.py --layer gatv2 --device cuda
    python benchmarks/layers.py --layer sage --small --threads 1

The layer has 128 input and output channels. The random undirected graph has 169,343 nodes and 2.3
million directed edges; gradients are computed for the features and all weights. `--small` is a
batch of molecules instead: 1,600 nodes, 3,400 edges, 64 channels. torch-geometric's layers have
the same weights and get the edge list, and, where they take one, a CSR adjacency of torch.sparse,
which is their fastest form on a CPU; GCNConv is also timed with a cached normalization. In
bfloat16 torch.sparse has no product on the CPU: compare with the peer in float32. Memory is the
peak of a second pass minus the memory before it: on the CPU in a new process, on a GPU in torch's
allocator.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from timing import device_peak, in_turn, machine, peak_memory, peak_of, table, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
from torch import Tensor, nn

import gnnvision as gv

NODES, EDGES, CHANNELS = 169_343, 2_315_598, 128
SMALL = {"nodes": 1_600, "edges": 3_400, "channels": 64}
HEADS, ORDER, RELATIONS = 8, 3, 4
LIST, CACHED, CSR = (f"torch-geometric, {form}" for form in ("edge list", "cached", "CSR"))

# A layer of a library (its module and the number of channels), of ours and of torch-geometric.
LAYERS: dict[str, Callable[[Any, int], nn.Module]] = {
    "gcn": lambda m, c: m.GCNConv(c, c),
    "gatv2": lambda m, c: m.GATv2Conv(c, c // HEADS, heads=HEADS),
    "sage": lambda m, c: m.SAGEConv(c, c),
    "gin": lambda m, c: m.GINConv(nn.Linear(c, c)),
    "cheb": lambda m, c: m.ChebConv(c, c, ORDER),
    "rgcn": lambda m, c: m.RGCNConv(c, c, RELATIONS),
}
OURS = {
    name: f"gnnvision.{kind}Conv"
    for name, kind in zip(LAYERS, ("GCN", "GATv2", "SAGE", "GIN", "Cheb", "RGCN"), strict=True)
}


def programs(
    layer: str,
    device: str = "cpu",
    nodes: int = NODES,
    edges: int = EDGES,
    channels: int = CHANNELS,
    dtype: str = "float32",
) -> dict[str, Callable[[], Tensor]]:
    """Functions that run forward and backward in each form, ours first, and return the output."""
    import torch_geometric.nn as peer

    torch.manual_seed(0)
    number = getattr(torch, dtype)
    half = torch.randint(0, nodes, (2, edges // 2))
    edge_index = torch.cat([half, half.flip(0)], 1).to(device)
    relation = torch.randint(0, RELATIONS, (edge_index.shape[1],)).to(device)
    graph = gv.Graph(edge_index, nodes, edge_type=relation if layer == "rgcn" else None)
    x = torch.randn(nodes, channels).to(device, number).requires_grad_()
    seed_gradient = torch.randn(nodes, channels).to(device, number)
    first = LAYERS[layer](gv, channels).to(device, number)

    def forward_backward(module: nn.Module, *domain: object) -> Tensor:
        x.grad = None
        module.zero_grad()
        out: Tensor = module(x, *domain)
        out.backward(seed_gradient)
        return out.detach()

    extra = (relation,) if layer == "rgcn" else ()
    calls: dict[str, tuple[nn.Module, tuple[object, ...]]] = {
        OURS[layer]: (first, (graph,)),
        LIST: (LAYERS[layer](peer, channels), (edge_index, *extra)),
    }
    if layer == "gcn":
        calls[CACHED] = (peer.GCNConv(channels, channels, cached=True), (edge_index,))
    if number is torch.float32 and layer in ("gcn", "sage", "gin"):
        settings = {"normalize": False} if layer == "gcn" else {}
        module = LAYERS[layer](peer, channels)
        if settings:
            module = peer.GCNConv(channels, channels, **settings)
        calls[CSR] = (module, (csr_adjacency(edge_index, nodes, normalized=layer == "gcn"),))
    passes: dict[str, Callable[[], Tensor]] = {}
    for name, (module, domain) in calls.items():
        module.load_state_dict(first.state_dict())
        module.to(device, number)
        passes[name] = lambda m=module, domain=domain: forward_backward(m, *domain)
    return passes


def csr_adjacency(edge_index: Tensor, nodes: int, normalized: bool) -> Tensor:
    """The transposed adjacency as torch.sparse has it, with GCN's weights or with ones."""
    from torch_geometric.nn.conv.gcn_conv import gcn_norm

    index, weight = edge_index, torch.ones(edge_index.shape[1], device=edge_index.device)
    if normalized:
        index, weight = gcn_norm(edge_index, None, nodes)
    place = index[1].argsort(stable=True)
    rowptr = torch.zeros(nodes + 1, dtype=torch.int64, device=edge_index.device)
    rowptr[1:] = torch.bincount(index[1], minlength=nodes).cumsum(0)
    parts = rowptr, index[0][place], weight[place]
    return torch.sparse_csr_tensor(*parts, (nodes, nodes), check_invariants=False)


def main() -> None:
    """Time all forms in turn; print the memory and the largest difference of the outputs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layer", choices=list(LAYERS), default="gcn")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--small", action="store_true", help="a batch of molecules")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", help="run only this form and print its peak memory in MiB")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    ours, device = OURS[options.layer], options.device
    size = SMALL if options.small else {}
    forms = programs(options.layer, device, dtype=options.dtype, **size)
    if options.only is not None:
        print(peak_of(forms[options.only]))
        return
    print(machine(options.threads, device))
    results = {name: program() for name, program in forms.items()}
    truth = results[ours]
    for name, value in results.items():
        print(f"largest difference from ours, {name}: {float((value - truth).abs().max()):.1e}")
    del results, value, truth
    warm = 20 if options.small else 1
    print(table(in_turn(forms, options.rounds, warm, device), ours, 1e-3, "ms"))
    if options.small:
        return
    for name, program in forms.items():
        if device == "cpu":
            flags = ["--layer", options.layer, "--dtype", options.dtype]
            peak = peak_memory(*flags, "--only", name)
        else:
            peak = device_peak(program)
        print(f"peak memory, {name}: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
