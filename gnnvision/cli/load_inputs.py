"""The network and the inputs that the command line of an inspecting script names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gnnvision.cli.model_inputs import InspectedModel, ModelInput
from gnnvision.cli.torchvision_model import PREFIX, Reader, load_torchvision_model
from gnnvision.data import NodeTask
from gnnvision.data.file_names import printable
from gnnvision.data.images import image_files
from gnnvision.domains import Grid
from gnnvision.errors import invalid
from gnnvision.runs import load_run
from gnnvision.runs.molecules import MoleculeReader

__all__ = ["InspectedModel", "ModelInput", "load_inspected"]


def load_inspected(model: str, inputs: Sequence[str], device: str = "cpu") -> InspectedModel:
    """The network that a command line names, and its inputs as the network reads them.

    Args:
        model: a run folder, its checkpoints folder or the file; or "torchvision:NAME", with
            downloaded weights or those of torch's own cache, or "torchvision:NAME=FILE" with
            those of a file.
        inputs: image files or folders of them; SMILES; for a citation network numbers or names
            of nodes; for a dataset of graphs their numbers, from 1 as in its files.
        device: where to run.

    Raises:
        ValueError: if there is no such network, an input is not of the kind that it reads, or an
            input cannot be read.
    """
    if not inputs:
        raise invalid(
            "inputs", "contain at least one input", "none", "Name images, SMILES, nodes or graphs."
        )
    if model.startswith(PREFIX):
        return _torchvision(model, inputs, device)
    run = load_run(model, device=device)
    found = run.inputs(inputs)
    reader = run.reader
    task = run.task if run.kind == "node" else None
    return InspectedModel(
        run.model,
        run.output_names,
        run.target_kind,
        found,
        run.title,
        reader.featurizer if isinstance(reader, MoleculeReader) else None,
        task=task if isinstance(task, NodeTask) else None,
        feature_names=run.feature_names,
        kind_names=run.kind_names,
    )


def _torchvision(model: str, inputs: Sequence[str], device: str) -> InspectedModel:
    for text in inputs:  # before anything is downloaded
        if not Path(text).exists():
            condition = f"be an image file for {model!r}, a network for images"
            advice = "Give an image file, such as a PNG or JPEG."
            raise invalid("input", condition, f"{text!r}, which is not a file", advice)
    paths = image_files(inputs)
    network, names, read = load_torchvision_model(model)
    images = [_read_image(path, read, device) for path in paths]
    title = f"ImageNet images ({model.removeprefix(PREFIX).partition('=')[0]})"
    return InspectedModel(network.to(device).eval(), names, "classification", images, title)


def _read_image(path: Path, read: Reader, device: str) -> ModelInput:
    try:
        image, x, notes = read(path)
    except (ValueError, OSError) as error:
        given = f"{str(path)!r} ({error})"
        raise invalid("input", "be an image that can be read", given, "Leave it out.") from error
    grid = Grid(tuple(image.shape[1:]))
    return ModelInput(printable(path.name), x[None].to(device), grid, image=image, notes=notes)
