"""What scripts that look into a model are given on the command line: a network, and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gnnvision import data
from gnnvision.cli.set_subjects import of_a_set
from gnnvision.cli.subject import Subject, Subjects
from gnnvision.cli.torchvision_subjects import PREFIX, resized_note, torchvision_network
from gnnvision.data.file_names import printable
from gnnvision.data.images import image_files
from gnnvision.data.images.image_file import ENDINGS, image_size
from gnnvision.data.molecules.store import cached_descriptors, encode_cached
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.domains import Grid
from gnnvision.training import MoleculePredictor, Predictor
from gnnvision.training.predictor import find_checkpoint
from gnnvision.training.stored import read_trained

__all__ = ["Subject", "Subjects", "load_subjects"]


def load_subjects(model: str, inputs: Sequence[str], device: str = "cpu") -> Subjects:
    """The network that a command line names, and its inputs as the network reads them.

    Args:
        model: a run folder, its checkpoints folder or the file; or "torchvision:NAME", with
            weights from the network or from the folder that torch keeps them in, or
            "torchvision:NAME=FILE" with those of a file.
        inputs: picture files or folders of them, SMILES, for a citation network numbers or
            names of nodes, or for a set of graphs their numbers, from 1 as in its files.
        device: where to run.

    Raises:
        ValueError: if there is no such network, an input is not of the kind that it reads, or an
            input cannot be read.
    """
    if not inputs:
        raise ValueError(
            "'inputs' must hold at least one input, got none. Name pictures, SMILES, "
            "nodes or graphs."
        )
    if model.startswith(PREFIX):
        paths = _pictures(inputs, model)  # before anything is downloaded
        network, names, read = torchvision_network(model)
        items = [_picture(path, read, device) for path in paths]
        title = f"ImageNet pictures ({model.removeprefix(PREFIX).partition('=')[0]})"
        return Subjects(network.to(device).eval(), names, "classification", items, title)
    file = find_checkpoint(model)
    checkpoint = read_trained(file)
    about = checkpoint.state.get("input", {})
    if "featurizer" in about:
        return _molecules(file, inputs, device)
    if "mean" in about:
        return _photographs(file, inputs, device)
    return of_a_set(checkpoint, file, inputs, device)


def _photographs(file: Path, inputs: Sequence[str], device: str) -> Subjects:
    predictor = Predictor.load(file, device)
    given = predictor.about["input"]
    mean, std = (torch.tensor(given[name]).view(-1, 1, 1) for name in ("mean", "std"))

    def read(path: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        picture, changes = predictor.read(path)
        was, size = image_size(path.read_bytes()), tuple(picture.shape[1:])
        resized = (resized_note(was, size),) if was != size else ()
        return picture, (picture.float() / 255 - mean) / std, (*changes, *resized)

    items = [_picture(path, read, device) for path in _pictures(inputs, str(file))]
    title = predictor.about["title"]
    return Subjects(predictor.model, predictor.class_names, "classification", items, title)


def _pictures(inputs: Sequence[str], model: str) -> list[Path]:
    """The files among the inputs, all of which must be there."""
    for text in inputs:
        if not Path(text).exists():
            what = "a molecule" if _is_molecule(text) else "no file"
            raise ValueError(
                f"'input' must be a picture file for {model!r}, a network for pictures, got "
                f"{text!r}, which is {what}. Give a file that ends in {', '.join(ENDINGS)}."
            )
    return image_files(inputs)


def _picture(
    path: Path, read: Callable[[Path], tuple[Tensor, Tensor, tuple[str, ...]]], device: str
) -> Subject:
    try:
        picture, x, notes = read(path)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"'input' must be a picture that can be read, got {str(path)!r} ({error}). "
            "Leave it out."
        ) from error
    grid = Grid(tuple(picture.shape[1:]))
    return Subject(printable(path.name), x[None].to(device), grid, picture=picture, notes=notes)


def _molecules(file: Path, inputs: Sequence[str], device: str) -> Subjects:
    predictor = MoleculePredictor.load(file, device)
    items = [_molecule(text, predictor, device) for text in inputs]
    kind, title = predictor.kind, predictor.about["title"]
    network, names = predictor.networks[0], predictor.targets
    reader = predictor.featurizer
    columns = reader.atom_columns
    return Subjects(network, names, kind, items, title, reader, feature_names=columns)


def _molecule(text: str, predictor: MoleculePredictor, device: str) -> Subject:
    about = f"'input' must be SMILES for a network trained on {predictor.about['title']}, got "
    if Path(text).is_file() or Path(text).suffix.lower() in ENDINGS:
        raise ValueError(
            f"{about}{text!r}, a file. This network reads molecules: write one, such as 'CCO'."
        )
    row = encode_cached([text], predictor.featurizer)
    if row.reasons[0]:
        raise ValueError(f"{about}{text!r} ({row.reasons[0]}). Write a molecule, such as 'CCO'.")
    wanted = predictor.about["input"]["descriptors"]
    extra = torch.from_numpy(cached_descriptors([text], predictor.featurizer)) if wanted else None
    graph, x = batch_molecules(row, predictor.featurizer, extra)
    return Subject(text, x.to(device), graph.to(device), smiles=text)


def _is_molecule(text: str) -> bool:
    try:
        data.Featurizer().read(text)
    except ValueError:
        return False
    return True
