"""Which sections the report of a task has: a table from the kind of task to its sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gnnvision.data import ImageTask, MoleculeTask, NodeTask, ReconstructionTask, Task
from gnnvision.report.augmentation import augmentation
from gnnvision.report.confident_errors import confident_errors
from gnnvision.report.confusion import confusion
from gnnvision.report.curves import curves
from gnnvision.report.gallery import gallery
from gnnvision.report.image_values import image_values
from gnnvision.report.maps import chosen_maps, maps
from gnnvision.report.molecules_atoms import atom_attributions
from gnnvision.report.molecules_best_worst import best_and_worst
from gnnvision.report.molecules_domain import applicability_domain
from gnnvision.report.molecules_matrices import molecule_matrices
from gnnvision.report.molecules_rows import table_rows
from gnnvision.report.neighborhood import neighborhood
from gnnvision.report.network import network
from gnnvision.report.parts import Run, Section
from gnnvision.report.projection import projection
from gnnvision.report.published import published
from gnnvision.report.ranking import ranking
from gnnvision.report.reconstruction import reconstruction
from gnnvision.report.regression import regression
from gnnvision.report.samples import samples
from gnnvision.report.scan import scan

__all__ = ["SECTIONS", "MakeSection", "sections_of"]

MakeSection = Callable[[Run], Section | None]

CLASSES = (confusion, projection)
INPUTS = (table_rows, molecule_matrices)
MOLECULES = (best_and_worst, applicability_domain, atom_attributions)

# Without the first and the last section, which all tasks have: see `sections_of`.
SECTIONS: dict[tuple[type[Task], str], tuple[MakeSection, ...]] = {
    (Task, "classification"): (curves, *CLASSES),
    (Task, "regression"): (curves, regression),
    (Task, "multilabel"): (curves, ranking),
    (NodeTask, "classification"): (curves, *CLASSES, neighborhood),
    (ImageTask, "classification"): (
        samples, scan, augmentation, curves, confusion, gallery, confident_errors,
        projection, maps, chosen_maps,
    ),
    (ImageTask, "multilabel"): (
        samples, scan, augmentation, curves, ranking, image_values, maps,
    ),
    (ImageTask, "regression"): (
        samples, scan, augmentation, curves, regression, image_values, maps,
    ),
    (ReconstructionTask, "regression"): (
        samples, scan, augmentation, curves, reconstruction, maps,
    ),
    (MoleculeTask, "classification"): (*INPUTS, curves, confusion, *MOLECULES, projection),
    (MoleculeTask, "regression"): (*INPUTS, curves, regression, *MOLECULES),
    (MoleculeTask, "multilabel"): (*INPUTS, curves, ranking, *MOLECULES),
}  # fmt: skip


# What has a table or a text to show where figures cannot be drawn.
WITHOUT_FIGURES = frozenset({published, samples, scan, table_rows, confusion, regression, network})


def sections_of(task: Task) -> Sequence[MakeSection]:
    """The functions that make the sections of a report, in the order of the page.

    Args:
        task: what was learned; your own kind of task has the sections of the nearest kind that
            it extends, and only the training curves for a `kind` that none of them has.
    """
    kinds = ((cls, task.kind) for cls in type(task).__mro__)
    held = next((SECTIONS[kind] for kind in kinds if kind in SECTIONS), (curves,))
    return (published, *held, network)
