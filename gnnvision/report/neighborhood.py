"""Two nodes looked at closely, one right and one wrong: what their neighbors told them."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from gnnvision.data import NodeTask
from gnnvision.domains import Graph
from gnnvision.report.contributions import Contributions, contributions
from gnnvision.report.neighborhood_bars import draw_bars
from gnnvision.report.neighborhood_nodes import draw_nodes
from gnnvision.report.observe import Observed
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.scene import Scene
from gnnvision.report.words import plural

__all__ = ["choose", "neighborhood"]

_FEWEST, _MOST = 4, 12
_LOOKED_AT = 40
_MOST_FAR = 45


def neighborhood(run: Run) -> Section | None:
    """The section of the two nodes; None where no node can be shown."""
    task, seen = run.nodes, run.observed
    if seen is None or task.num_outputs < 2:
        return None
    pictures: list[Figure] = []
    exact, layer = True, ""
    for kind, right in (("right", True), ("wrong", False)):
        node = choose(task.graph, seen, right)
        if node is None:
            continue
        classes = _two_classes(seen, node)
        found = contributions(run.result.model, task.x, task.graph, node, classes)
        if found is None:
            return None
        scene = _scene(task, seen, found, classes)
        path = run.figures / f"neighborhood_{kind}"
        drawn = draw_nodes(path.with_name(path.name + ".png"), scene)
        bars = draw_bars(path.with_name(path.name + "_received.png"), scene)
        pictures.append(Figure(drawn, _alt(scene), _told(scene, right)))
        pictures.append(Figure(bars, _alt_bars(scene)))
        exact, layer = exact and found.is_exact, found.layer
    if not pictures:
        return None
    lead = (
        "A test node that the network gets right and one that it gets wrong, each among its "
        "neighbors: how much did each of them speak for the prediction?"
    )
    sums = (
        "Together with the bias the bars of a class add up to its score exactly."
        if exact
        else "Other layers follow, so the bars show their effect to first order, and “rest” is "
        "what is missing to the score."
    )
    note = (
        f"A bar is what the last convolution (layer {layer}) passes on from one neighbor, "
        "weighted by its edge, counted for the score of a class: to the right it speaks for the "
        f"class, to the left against it. {sums} A neighbor's message already holds what it had "
        "heard from its own neighbors in the layers before. The class with the highest score "
        "is predicted."
    )
    return Section("Two nodes, looked at closely", lead, pictures, note=note)


def choose(graph: Graph, seen: Observed, right: bool) -> int | None:
    """A test node that shows something: few neighbors, not all alike, and a sure prediction.

    Args:
        graph: the graph.
        seen: what the model does with its nodes.
        right: whether its prediction is to be right.

    Returns:
        None where there is no such node.
    """
    nodes = seen.test[seen.target[seen.test] >= 0]
    nodes = nodes[(seen.prediction[nodes] == seen.target[nodes]) == right]
    degree = _degrees(graph)[nodes]
    nodes, degree = nodes[degree > 0], degree[degree > 0]
    if not len(nodes):
        return None
    # Those of the fitting degree, else those next to it.
    off = (_FEWEST - degree).clamp(min=0) + (degree - _MOST).clamp(min=0)
    nodes = nodes[off == off.min()]
    sure = seen.output.softmax(1).max(1).values[nodes]
    ranked = nodes[sure.argsort(descending=True, stable=True)][:_LOOKED_AT].tolist()

    def shows(node: int) -> tuple[bool, bool]:
        near = graph.neighborhood(node).cpu()[1:]
        mixed = seen.target[near].unique().numel() > 1
        return mixed, graph.neighborhood(node, 2).numel() - len(near) <= _MOST_FAR

    return int(max(ranked, key=shows))  # the surest of those that show most


def _degrees(graph: Graph) -> Tensor:
    """How many other nodes each one receives from. Shape (N,)."""
    edges = graph.edge_index.cpu()
    edges = edges[:, edges[0] != edges[1]].unique(dim=1)
    return torch.bincount(edges[1], minlength=graph.num_nodes)


def _two_classes(seen: Observed, node: int) -> tuple[int, int]:
    """The predicted class, and the true one or, if that is the same, the runner-up."""
    first, second = seen.output[node].topk(2).indices.tolist()
    true = int(seen.target[node])
    return first, (second if true in (first, -1) else true)


def _scene(
    task: NodeTask, seen: Observed, found: Contributions, classes: tuple[int, int]
) -> Scene:
    graph, node = task.graph, found.node
    near = graph.neighborhood(node).cpu().tolist()[1:]
    far = [n for n in graph.neighborhood(node, 2).cpu().tolist() if n != node and n not in near]
    drawn = far if len(far) <= _MOST_FAR else []
    shown = [node, *near, *drawn]
    pairs = graph.subgraph(shown).edge_index.T.tolist()
    given = dict(zip(found.sources.tolist(), found.values.T.tolist(), strict=True))
    names = graph.node_names
    return Scene(
        node=node,
        near=sorted(near, key=lambda n: -given.get(n, [0.0])[0]),
        far=drawn,
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


def _told(scene: Scene, right: bool) -> str:
    """The node in one or two sentences."""
    known = [scene.target[n] for n in scene.near if scene.target[n] >= 0]
    kinds = Counter(known).most_common()
    listed = ", ".join(f"{count} “{scene.class_names[number]}”" for number, count in kinds)
    of = f"Its {plural(len(scene.near), 'neighbor')}: {listed}."
    said, true = (scene.class_names[n] for n in (scene.classes[0], scene.target[scene.node]))
    sure = f"{100 * scene.probability:.0f} % sure"
    if right:
        return f"{scene.title}: rightly taken for “{said}” ({sure}). {of}"
    return f"{scene.title}: wrongly taken for “{said}” ({sure}); it is “{true}”. {of}"


def _alt(scene: Scene) -> str:
    names = ", ".join(
        f"{scene.label(n)} ({scene.class_name(scene.target[n])})" for n in scene.near
    )
    return f"Drawing of {scene.title} and its neighbors: {names}."


def _alt_bars(scene: Scene) -> str:
    name = scene.class_names[scene.classes[0]]
    values = ", ".join(f"{scene.label(n)} {v[0]:+.2f}" for n, v in scene.given.items())
    return f"Bar chart of what {scene.title} received for “{name}”: {values}."
