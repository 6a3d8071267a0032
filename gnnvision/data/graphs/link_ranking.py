"""The most probable links of a graph that are not known yet, by a trained network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data.graphs.link_pairs import is_directed, pair_keys
from gnnvision.data.graphs.link_task import LinkTask
from gnnvision.domains import Graph
from gnnvision.domains.device import send
from gnnvision.errors import integer, invalid
from gnnvision.layers import PairReadout
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating

__all__ = ["LinkRanking", "rank_links"]

BLOCK = 1_000_000  # pairs that are scored at once


@dataclass(frozen=True, eq=False)
class LinkRanking:
    """Pairs of nodes with the probability that they are linked.

    Args:
        names: The names of the two nodes of each pair, or their indices.
        pairs: The indices of the two nodes, int64. Shape (2, P).
        probability: From 0 to 1. Shape (P,).
        is_known: Whether each pair is a known link. Shape (P,).
    """

    names: list[tuple[Hashable, Hashable]]
    pairs: Tensor
    probability: Tensor
    is_known: Tensor

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.names)


def rank_links(
    model: nn.Module,
    task: LinkTask,
    *,
    top: int = 100,
    nodes: Sequence[Any] | None = None,
    pairs: Sequence[tuple[Any, Any]] | Tensor | None = None,
) -> LinkRanking:
    """The most probable links that are not known yet, the most probable first.

    Messages pass over all known links, those of validation and test included. Pairs are scored
    in blocks, so that memory does not grow with their number; where the network ends in a
    `PairReadout`, the embedding of the nodes is computed once.

    Args:
        model: A network trained on the task, on the device of the task.
        task: The task.
        top: How many links to return.
        nodes: Only links of these nodes, by name if the graph has names, else by index.
        pairs: Score these pairs instead, in this order, known links too. A tensor has the
            indices of the nodes, shape (2, P).

    Returns:
        The pairs with their probabilities; fewer than `top` if there are fewer.

    Raises:
        ValueError: A node is unknown, or both `nodes` and `pairs` are given.

    Example:
        >>> import gnnvision as gv
        >>> task = gv.data.graphs.load("karate", task="links")
        >>> model = gv.models.gae(task.in_channels)
        >>> found = rank_links(model, task, top=3)
        >>> len(found), found.is_known.any().item()
        (3, False)
    """
    integer("top", top, 1)
    if nodes is not None and pairs is not None:
        raise invalid("pairs", "not be given together with 'nodes'", "both", "Give one of them.")
    known = pair_keys(task.known.edge_index, task.known.num_nodes).unique()
    if is_directed(task.known):
        known = _directed_keys(task.known.edge_index, task.known.num_nodes).unique()
    with evaluating(model), torch.no_grad():
        score = _scorer(model, task)
        if pairs is not None:
            chosen = _to_pairs(pairs, task).to(task.y.device)
            scores = [score(block) for block in chosen.split(BLOCK, 1)]
            logits = torch.cat(scores) if scores else torch.empty(0)
        else:
            chosen, logits = _best(score, task, known, top, nodes)
    keys = _keys(task)(chosen, task.known.num_nodes)
    return LinkRanking(
        names=task.names_of(chosen),
        pairs=chosen.cpu(),
        probability=logits.float().sigmoid().cpu(),
        is_known=torch.isin(keys, known).cpu(),
    )


def _keys(task: LinkTask) -> Callable[[Tensor, int], Tensor]:
    """A function of pairs and the number of nodes to a key, of each direction if directed."""
    return _directed_keys if is_directed(task.known) else pair_keys


def _directed_keys(pairs: Tensor, num_nodes: int) -> Tensor:
    return pairs[0] * num_nodes + pairs[1]


def _best(
    score: Callable[[Tensor], Tensor],
    task: LinkTask,
    known: Tensor,
    top: int,
    nodes: Sequence[Any] | None,
) -> tuple[Tensor, Tensor]:
    """The pairs with the highest scores that are not known, and their scores."""
    device = task.y.device
    chosen, logits = torch.empty(2, 0, dtype=torch.int64, device=device), None
    for block in _candidates(task, known, nodes):
        found, place = score(block).sort(descending=True, stable=True)
        found, block = found[:top], block[:, place[:top]]
        both = found if logits is None else torch.cat([logits, found])
        logits, place = both.sort(descending=True, stable=True)
        logits, chosen = logits[:top], torch.cat([chosen, block], 1)[:, place[:top]]
    return chosen, torch.empty(0, device=device) if logits is None else logits


def _candidates(task: LinkTask, known: Tensor, nodes: Sequence[Any] | None) -> Iterator[Tensor]:
    """Pairs of different nodes that are not known, each once, in blocks."""
    n, device, directed = task.known.num_nodes, task.y.device, is_directed(task.known)
    keys = _keys(task)
    given = None if nodes is None else _to_indices(nodes, task).to(device)
    rows = torch.arange(n, device=device) if given is None else given
    is_given = torch.zeros(n, dtype=torch.bool, device=device)
    if given is not None:
        is_given[given] = True
    others = torch.arange(n, device=device)
    for block in rows.split(max(BLOCK // max(n, 1), 1)):
        first = block.repeat_interleave(n)
        second = others.repeat(len(block))
        # An undirected pair is met at its smaller node, or at the given one.
        is_new = (
            (first != second)
            if directed
            else (first < second) | (is_given[first] & ~is_given[second])
        )
        pairs = torch.stack([first, second])[:, is_new]
        if directed and given is not None:  # links that arrive at a given node, too
            back = pairs.flip(0)[:, ~is_given[pairs[1]]]
            pairs = torch.cat([pairs, back], 1)
        pairs = pairs[:, ~torch.isin(keys(pairs, n), known)]
        if pairs.shape[1]:
            yield pairs


def _scorer(model: nn.Module, task: LinkTask) -> Callable[[Tensor], Tensor]:
    """A function from pairs (2, P) to their logits (P,)."""
    graph, heads = task.known, [m for m in model.modules() if isinstance(m, PairReadout)]
    seen: list[tuple[Tensor, Tensor]] = []

    def whole(pairs: Tensor) -> Tensor:
        return call(model, task.x, graph.with_pairs(pairs)).flatten()

    if len(heads) != 1:
        return whole
    head = heads[0]

    def keep(module: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
        seen.append((given[0], output))

    handle = head.register_forward_hook(keep)
    try:
        one = graph.with_pairs(task.pairs[:, :1])
        output = call(model, task.x, one)
    finally:
        handle.remove()
    if len(seen) != 1 or output is not seen[0][1]:  # more follows the scores
        return whole
    z = seen[0][0]
    return lambda pairs: head(z, graph.with_pairs(pairs)).flatten()


def _to_pairs(pairs: Sequence[tuple[Any, Any]] | Tensor, task: LinkTask) -> Tensor:
    """Pairs as indices. Shape (2, P)."""
    if isinstance(pairs, Tensor):
        return Graph.with_pairs(task.known, send(pairs, task.y.device)).pairs  # type: ignore[return-value]
    ends = [end for pair in pairs for end in pair]
    if len(ends) != 2 * len(pairs):
        raise invalid("pairs", "have two nodes each", f"{len(ends)} in {len(pairs)} pairs")
    return _to_indices(ends, task, "pairs").view(-1, 2).T


def _to_indices(nodes: Sequence[Any], task: LinkTask, argument: str = "nodes") -> Tensor:
    """Nodes by name, if the graph has names, else by index."""
    names = task.known.node_names
    if names is None:
        names = range(task.known.num_nodes)  # type: ignore[assignment]
    index = {name: place for place, name in enumerate(names or ())}
    for node in nodes:
        if node not in index:
            word = "the names of nodes" if task.known.node_names else "indices of nodes"
            some = ", ".join(map(repr, list(index)[:3]))
            raise invalid(argument, f"be {word} ({some}, ...)", repr(node), "Correct it.")
    return torch.tensor([index[node] for node in nodes], dtype=torch.int64)
