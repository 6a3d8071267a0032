"""One node of a graph with its neighbors: the data of the figures of a neighborhood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gnnvision.training.folder import write_csv

__all__ = ["Scene", "wrap_name", "write_scene"]


@dataclass(frozen=True)
class Scene:
    """One node with its neighbors and their message contributions to two class logits.

    Args:
        node: the central node.
        near: its neighbors, in descending order of their contribution to the prediction.
        far: the nodes two hops away, if there are few enough to draw.
        num_far: the number of nodes two hops away.
        edges: source and target of the edges among these nodes.
        given: the contribution of each node to the two logits.
        rest: the logits minus the sums of the contributions.
        scores: the two logits.
        is_exact: whether the rest is the bias alone.
        classes: the predicted class, and the class to compare with.
        target: the true class of every node, negative if unknown.
        train: the training nodes.
        probability: of the predicted class.
        class_names: the names of all classes.
        label: returns the name of a node.
    """

    node: int
    near: Sequence[int]
    far: Sequence[int]
    num_far: int
    edges: Sequence[tuple[int, int]]
    given: Mapping[int, Sequence[float]]
    rest: Sequence[float]
    scores: Sequence[float]
    is_exact: bool
    classes: tuple[int, int]
    target: Sequence[int]
    train: set[int]
    probability: float
    class_names: Sequence[str]
    label: Callable[[int], str]

    @property
    def title(self) -> str:
        """The node by name, or by number."""
        name = self.label(self.node)
        return f"Node {name}" if name.isdigit() else name

    def class_name(self, number: int) -> str:
        """The name of a class; "unknown class" for a negative index."""
        return self.class_names[number] if number >= 0 else "unknown class"


def wrap_name(name: str, width: int = 16) -> str:
    """A name wrapped at dots, underscores and spaces; nothing is cut off."""
    lines = [""]
    for piece in name.replace(".", ".\0").replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def write_scene(path: Path, scene: Scene) -> None:
    """Write the values of the figures as a CSV file with the name of `path`."""
    rows = []
    for n in dict.fromkeys([scene.node, *scene.near, *scene.given]):
        first, second = scene.given.get(n, (0.0, 0.0))
        row = {"node": n, "name": scene.label(n), "true_class": scene.class_name(scene.target[n])}
        row |= {"is_training": n in scene.train}
        row |= {f"to {scene.class_names[scene.classes[0]]}": first}
        row |= {f"to {scene.class_names[scene.classes[1]]}": second}
        rows.append(row)
    last = {"node": "", "name": "bias" if scene.is_exact else "rest", "true_class": ""}
    columns = list(rows[0])
    rows.append(last | {"is_training": "", columns[4]: scene.rest[0], columns[5]: scene.rest[1]})
    write_csv(path.with_suffix(".csv"), rows)
