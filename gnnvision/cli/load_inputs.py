"""The network and the inputs that the command line of an inspecting script names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gnnvision import data
from gnnvision.cli.dataset_inputs import load_dataset_inputs
from gnnvision.cli.model_inputs import InspectedModel, ModelInput
from gnnvision.cli.torchvision_model import PREFIX, load_torchvision_model, resize_note
from gnnvision.data.file_names import printable
from gnnvision.data.images import image_files
from gnnvision.data.images.image_file import ENDINGS, image_size
from gnnvision.data.molecules.store import cached_descriptors, encode_cached
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.domains import Grid
from gnnvision.errors import invalid
from gnnvision.training import MoleculePredictor, Predictor
from gnnvision.training.predictor import find_checkpoint
from gnnvision.training.stored import read_trained

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
        paths = _find_images(inputs, model)  # before anything is downloaded
        network, names, read = load_torchvision_model(model)
        images = [_read_image(path, read, device) for path in paths]
        title = f"ImageNet images ({model.removeprefix(PREFIX).partition('=')[0]})"
        network = network.to(device).eval()
        return InspectedModel(network, names, "classification", images, title)
    file = find_checkpoint(model)
    checkpoint = read_trained(file)
    about = checkpoint.state.get("input", {})
    if "featurizer" in about:
        return _load_molecules(file, inputs, device)
    if "mean" in about:
        return _load_images(file, inputs, device)
    return load_dataset_inputs(checkpoint, file, inputs, device)


def _load_images(file: Path, inputs: Sequence[str], device: str) -> InspectedModel:
    predictor = Predictor.load(file, device)
    about = predictor.about["input"]
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))

    def read(path: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        image, changes = predictor.read(path)
        before, after = image_size(path.read_bytes()), tuple(image.shape[1:])
        resized = (resize_note(before, after),) if before != after else ()
        return image, (image.float() / 255 - mean) / std, (*changes, *resized)

    images = [_read_image(path, read, device) for path in _find_images(inputs, str(file))]
    title, names = predictor.about["title"], predictor.class_names
    return InspectedModel(predictor.model, names, "classification", images, title)


def _find_images(inputs: Sequence[str], model: str) -> list[Path]:
    """The image files that the inputs name, all of which must exist."""
    for text in inputs:
        if not Path(text).exists():
            what = "a molecule" if _is_molecule(text) else "not a file"
            condition = f"be an image file for {model!r}, a network for images"
            advice = "Give an image file, such as a PNG or JPEG."
            raise invalid("input", condition, f"{text!r}, which is {what}", advice)
    return image_files(inputs)


def _read_image(
    path: Path, read: Callable[[Path], tuple[Tensor, Tensor, tuple[str, ...]]], device: str
) -> ModelInput:
    try:
        image, x, notes = read(path)
    except (ValueError, OSError) as error:
        given = f"{str(path)!r} ({error})"
        raise invalid("input", "be an image that can be read", given, "Leave it out.") from error
    grid = Grid(tuple(image.shape[1:]))
    return ModelInput(printable(path.name), x[None].to(device), grid, image=image, notes=notes)


def _load_molecules(file: Path, inputs: Sequence[str], device: str) -> InspectedModel:
    predictor = MoleculePredictor.load(file, device)
    return InspectedModel(
        predictor.networks[0],
        predictor.targets,
        predictor.kind,
        [_read_molecule(text, predictor, device) for text in inputs],
        predictor.about["title"],
        predictor.featurizer,
        feature_names=predictor.featurizer.atom_columns,
    )


def _read_molecule(text: str, predictor: MoleculePredictor, device: str) -> ModelInput:
    condition = f"be SMILES for a network trained on {predictor.about['title']}"
    if Path(text).is_file() or Path(text).suffix.lower() in ENDINGS:
        advice = "Write a molecule as SMILES, such as 'CCO'."
        raise invalid("input", condition, f"{text!r}, a file", advice)
    row = encode_cached([text], predictor.featurizer)
    if row.reasons[0]:
        given = f"{text!r} ({row.reasons[0]})"
        raise invalid("input", condition, given, "Write a molecule, such as 'CCO'.")
    wanted = predictor.about["input"]["descriptors"]
    extra = torch.from_numpy(cached_descriptors([text], predictor.featurizer)) if wanted else None
    graph, x = batch_molecules(row, predictor.featurizer, extra)
    return ModelInput(text, x.to(device), graph.to(device), smiles=text)


def _is_molecule(text: str) -> bool:
    try:
        data.Featurizer().read(text)
    except ValueError:
        return False
    return True
