"""Message contributions of the neighbors of two test nodes, one classified wrongly."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from gnnvision.data import NodeTask
from gnnvision.domains import Graph, StoredGraph
from gnnvision.report.contributions import Contributions, contributions
from gnnvision.report.neighborhood_bars import draw_bars
from gnnvision.report.neighborhood_nodes import draw_nodes
from gnnvision.report.observe import Observed
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.scene import Scene
from gnnvision.report.words import plural

__all__ = ["choose", "neighborhood"]

_FEWEST, _MOST = 4, 12
_CANDIDATES = 40
_MOST_FAR = 45


def neighborhood(run: Run) -> Section | None:
    """The section "Message contributions of neighbors"; None if no node can be shown."""
    task, seen = run.nodes, run.observed
    if seen is None or task.num_outputs < 2:
        return None
    if isinstance(task.graph, StoredGraph):  # contributions need the operators of the whole graph
        return None
    figures: list[Figure] = []
    exact, layer = True, ""
    for kind, correct in (("right", True), ("wrong", False)):
        node = choose(task.in_memory, seen, correct)
        if node is None:
            continue
        classes = _two_classes(seen, node)
        found = contributions(run.result.model, task.x, task.graph, node, classes)
        if found is None:
            return None
        scene = _scene(task, seen, found, classes)
        path = run.figures / f"neighborhood_{kind}.svg"
        nodes = draw_nodes(path, scene)
        bars = draw_bars(path.with_stem(f"{path.stem}_received"), scene)
        figures.append(Figure(nodes, _alt(scene), _caption(scene, correct)))
        figures.append(Figure(bars, _alt_bars(scene)))
        exact, layer = exact and found.is_exact, found.layer
    if not figures:
        return None
    lead = (
        "A correctly and a wrongly classified test node with their neighbors. The bars show the "
        "contribution of each neighbor's message to the logits of two classes."
    )
    sums = (
        "The contributions and the bias add up to the logit exactly."
        if exact
        else "The layers after it are linearized; “rest” is the difference from the logit."
    )
    note = (
        f"Contributions are computed in the last convolution (layer {layer}): the message of each "
        "neighbor, weighted by its edge. Positive values are evidence for the class, negative "
        f"ones against it. {sums} The message of a neighbor already contains information from "
        "its own neighbors, from the layers before. The class with the largest logit is predicted."
    )
    return Section("Message contributions of neighbors", lead, figures, note=note)


def choose(graph: Graph, seen: Observed, correct: bool) -> int | None:
    """An informative test node: few neighbors of several classes, and a confident prediction.

    Args:
        graph: the graph.
        seen: the outputs of the model and the true classes of its nodes.
        correct: whether the node must be classified correctly.

    Returns:
        None if there is no such node.
    """
    nodes = seen.test[seen.target[seen.test] >= 0]
    nodes = nodes[(seen.prediction[nodes] == seen.target[nodes]) == correct]
    degree = _degrees(graph)[nodes]
    nodes, degree = nodes[degree > 0], degree[degree > 0]
    if not len(nodes):
        return None
    # Nodes whose degree is in the range, or else closest to it.
    off = (_FEWEST - degree).clamp(min=0) + (degree - _MOST).clamp(min=0)
    nodes = nodes[off == off.min()]
    confidence = seen.output.softmax(1).max(1).values[nodes]
    candidates = nodes[confidence.argsort(descending=True, stable=True)][:_CANDIDATES].tolist()

    def informative(node: int) -> tuple[bool, bool]:
        near = graph.neighborhood(node).cpu()[1:]
        mixed = seen.target[near].unique().numel() > 1
        return mixed, graph.neighborhood(node, 2).numel() - len(near) <= _MOST_FAR

    return int(max(candidates, key=informative))  # the most confident of the most informative


def _degrees(graph: Graph) -> Tensor:
    """The number of other nodes with an edge to each node. Shape (N,)."""
    source, target = graph.edge_index.cpu()
    pairs = (target * graph.num_nodes + source)[source != target].unique()
    return torch.bincount(pairs // graph.num_nodes, minlength=graph.num_nodes)


def _two_classes(seen: Observed, node: int) -> tuple[int, int]:
    """The predicted class, and the true class or, if the prediction is correct, the runner-up."""
    first, second = seen.output[node].topk(2).indices.tolist()
    true = int(seen.target[node])
    return first, (second if true in (first, -1) else true)


def _scene(
    task: NodeTask, seen: Observed, found: Contributions, classes: tuple[int, int]
) -> Scene:
    graph, node = task.in_memory, found.node
    near = graph.neighborhood(node).cpu().tolist()[1:]
    far = [n for n in graph.neighborhood(node, 2).cpu().tolist() if n != node and n not in near]
    outer = far if len(far) <= _MOST_FAR else []
    shown = [node, *near, *outer]
    pairs = graph.subgraph(shown).edge_index.T.tolist()
    given = dict(zip(found.sources.tolist(), found.values.T.tolist(), strict=True))
    names = graph.node_names
    return Scene(
        node=node,
        near=sorted(near, key=lambda n: -given.get(n, [0.0])[0]),
        far=outer,
        num_far=len(far),
        edges=[(shown[a], shown[b]) for a, b in pairs],
        given=given,
        rest=found.rest.tolist(),
        scores=found.outputs.tolist(),
        is_exact=found.is_exact,
        classes=classes,
        target=seen.target.tolist(),
        train=set(seen.train.tolist()),
        probability=float(seen.output[node].softmax(0).max()),
        class_names=task.class_names,
        label=(lambda n: str(n)) if names is None else (lambda n: str(names[n])),
    )


def _caption(scene: Scene, correct: bool) -> str:
    known = [scene.target[n] for n in scene.near if scene.target[n] >= 0]
    counts = Counter(known).most_common()
    listed = ", ".join(f"{count} “{scene.class_names[number]}”" for number, count in counts)
    predicted, true = (scene.class_names[n] for n in (scene.classes[0], scene.target[scene.node]))
    result = "correct" if correct else f"wrong, the true class is “{true}”"
    return (
        f"{scene.title}: predicted “{predicted}” with probability {scene.probability:.2f} "
        f"({result}). Classes of its {plural(len(scene.near), 'neighbor')}: {listed or 'unknown'}."
    )


def _alt(scene: Scene) -> str:
    names = ", ".join(
        f"{scene.label(n)} ({scene.class_name(scene.target[n])})" for n in scene.near
    )
    return f"Graph of {scene.title} and its neighbors: {names}."


def _alt_bars(scene: Scene) -> str:
    name = scene.class_names[scene.classes[0]]
    values = ", ".join(f"{scene.label(n)} {v[0]:+.2f}" for n, v in scene.given.items())
    return f"Bar chart of message contributions to {scene.title} for “{name}”: {values}."
