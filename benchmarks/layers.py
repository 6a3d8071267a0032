"""Time and memory of a graph layer, forward and backward, on a graph as large as ogbn-arxiv.

    python benchmarks/layers.py --rounds 7
    python benchmarks/layers.py --layer gatv2 --device cuda

The layer has 128 input and output channels. The random undirected graph has 169,343 nodes and 2.3
million directed edges; gradients are computed for the features and all weights. GCNConv is
compared with torch-geometric's in each form: the edge list, normalized in each pass or cached,
and a normalized CSR adjacency of torch.sparse, its fastest form on a CPU. GATv2Conv, four heads of
32 channels, has one form there, the edge list. Memory is the peak of a second pass minus the
memory before it: on the CPU in a new process, on a GPU in torch's allocator.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import device_peak, in_turn, machine, peak_memory, peak_of, table, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
from torch import Tensor, nn

import gnnvision as gv

NODES, EDGES, CHANNELS, HEADS = 169_343, 2_315_598, 128, 4
OURS = {"gcn": "gnnvision.GCNConv", "gatv2": "gnnvision.GATv2Conv"}


def programs(
    layer: str, device: str = "cpu", nodes: int = NODES, edges: int = EDGES
) -> dict[str, Callable[[], Tensor]]:
    """Functions that run forward and backward in each form, ours first, and return the output."""
    torch.manual_seed(0)
    half = torch.randint(0, nodes, (2, edges // 2))
    edge_index = torch.cat([half, half.flip(0)], 1).to(device)
    graph = gv.Graph(edge_index, nodes)
    x = torch.randn(nodes, CHANNELS).to(device).requires_grad_()
    seed_gradient = torch.randn(nodes, CHANNELS).to(device)
    forms = _gcn if layer == "gcn" else _gatv2
    calls = {OURS[layer]: None, **forms(edge_index, nodes)}
    ours = gv.GCNConv if layer == "gcn" else gv.GATv2Conv
    settings = {} if layer == "gcn" else {"heads": HEADS}
    out_channels = CHANNELS // settings.get("heads", 1)
    first = ours(CHANNELS, out_channels, **settings).to(device)

    def forward_backward(module: nn.Module, domain: object) -> Tensor:
        x.grad = None
        module.zero_grad()
        out: Tensor = module(x, domain)
        out.backward(seed_gradient)
        return out.detach()

    passes: dict[str, Callable[[], Tensor]] = {}
    for name, form in calls.items():
        module, domain = (first, graph) if form is None else form
        module.load_state_dict(first.state_dict())
        module.to(device)
        passes[name] = lambda module=module, domain=domain: forward_backward(module, domain)
    return passes


def _gcn(edge_index: Tensor, nodes: int) -> dict[str, tuple[nn.Module, Tensor]]:
    from torch_geometric.nn import GCNConv
    from torch_geometric.nn.conv.gcn_conv import gcn_norm

    index, weight = gcn_norm(edge_index, None, nodes)
    place = index[1].argsort(stable=True)
    rowptr = torch.zeros(nodes + 1, dtype=torch.int64, device=edge_index.device)
    rowptr[1:] = torch.bincount(index[1], minlength=nodes).cumsum(0)
    csr = torch.sparse_csr_tensor(rowptr, index[0][place], weight[place], (nodes, nodes))
    return {
        "torch-geometric, edge list": (GCNConv(CHANNELS, CHANNELS), edge_index),
        "torch-geometric, edge list, cached": (
            GCNConv(CHANNELS, CHANNELS, cached=True),
            edge_index,
        ),
        "torch-geometric, CSR adjacency": (GCNConv(CHANNELS, CHANNELS, normalize=False), csr),
    }


def _gatv2(edge_index: Tensor, nodes: int) -> dict[str, tuple[nn.Module, Tensor]]:
    from torch_geometric.nn import GATv2Conv

    return {
        "torch-geometric, edge list": (
            GATv2Conv(CHANNELS, CHANNELS // HEADS, heads=HEADS),
            edge_index,
        )
    }


def main() -> None:
    """Time all forms in turn; print the memory and the largest difference of the outputs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layer", choices=list(OURS), default="gcn")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", help="run only this form and print its peak memory in MiB")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    ours, device = OURS[options.layer], options.device
    forms = programs(options.layer, device)
    if options.only is not None:
        print(peak_of(forms[options.only]))
        return
    print(machine(options.threads, device))
    results = {name: program() for name, program in forms.items()}
    truth = results[ours]
    for name, value in results.items():
        print(f"largest difference from ours, {name}: {float((value - truth).abs().max()):.1e}")
    del results, value, truth
    print(table(in_turn(forms, options.rounds, device=device), ours, 1e-3, "ms"))
    for name, program in forms.items():
        if device == "cpu":
            peak = peak_memory("--layer", options.layer, "--only", name)
        else:
            peak = device_peak(program)
        print(f"peak memory, {name}: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
