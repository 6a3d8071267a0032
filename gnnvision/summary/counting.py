"""Multiply-accumulates (MACs) of operations and layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from gnnvision.domains import Graph
from gnnvision.layers import GATv2Conv, Readout
from gnnvision.operators.attention import attention_edges

__all__ = ["layer_macs", "operation_macs"]

aten = torch.ops.aten


def operation_macs(
    func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
) -> int:
    """The multiply-accumulates of one torch operation; 0 if it sums no products.

    Matrix products, convolutions and attention are counted by torch's formulas, with two
    floating-point operations for each MAC. A sparse product has one for each entry and column.
    """
    packet = func.overloadpacket
    if packet in (aten._embedding_bag, aten._embedding_bag_forward_only):
        weighted = len(args) > 6 and args[6] is not None
        return int(args[1].numel() * args[0].shape[1]) if weighted else 0
    if packet in (aten.mv, aten.dot, aten.addmv):
        matrix: Tensor = args[1] if packet is aten.addmv else args[0]
        return matrix.numel()
    if packet in (aten.mkldnn_rnn_layer, aten._cudnn_rnn):
        # Each step of each sequence meets all matrices.
        weights = args[1] if packet is aten._cudnn_rnn else args[1:3]
        each = sum(weight.numel() for weight in weights if weight.ndim == 2)
        return int(args[0].shape[0] * args[0].shape[1] * each)
    formula = _formulas().get(packet)
    return 0 if formula is None else int(formula(*args, **kwargs, out_val=out)) // 2


def layer_macs(module: nn.Module, args: Sequence[Any], macs: int) -> int:
    """The multiply-accumulates of a layer, from those of its operations.

    Attention on a graph multiplies a by the activated features of each edge, which torch executes
    as an elementwise product and a sum. A readout only sums.
    """
    if isinstance(module, Readout):
        return 0
    graph = next((value for value in args if isinstance(value, Graph)), None)
    if isinstance(module, GATv2Conv) and graph is not None:
        edges = attention_edges(graph.to("cpu"), module.add_self_loops).pattern.col.numel()
        return macs + edges * module.heads * module.out_channels
    return macs


@cache
def _formulas() -> Mapping[Any, Any]:
    from torch.utils.flop_counter import flop_registry  # not needed by whoever only imports

    return flop_registry
