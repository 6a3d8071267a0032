"""Packages that some parts of gnnvision need and `pip install gnnvision` does not install.

Each belongs to an extra of `pyproject.toml`, such as `pip install 'gnnvision[report]'`. It imports
no other module of the package, so that every module can use it.
"""

from __future__ import annotations

from importlib.util import find_spec

__all__ = [
    "EXTRAS",
    "MissingPackage",
    "extra_of",
    "install_command",
    "missing",
    "missing_text",
    "require_extra",
]

# Extra -> the name of each package in an import -> its name for pip.
EXTRAS: dict[str, dict[str, str]] = {
    "molecules": {"rdkit": "rdkit"},
    "images": {"torchvision": "torchvision", "PIL": "pillow"},
    "report": {"matplotlib": "matplotlib", "PIL": "pillow", "sklearn": "scikit-learn"},
    "pyg": {"torch_geometric": "torch-geometric"},
    "onnx": {"onnx": "onnx", "onnxruntime": "onnxruntime", "onnxscript": "onnxscript"},
    "parquet": {"pyarrow": "pyarrow"},
    "sweep": {"optuna": "optuna"},
    "tensorboard": {"tensorboard": "tensorboard"},
    "trackio": {"trackio": "trackio"},
    "wandb": {"wandb": "wandb"},
}


class MissingPackage(ModuleNotFoundError):
    """A package of an extra is not installed; the message has the command that installs it."""


def missing(extra: str, *packages: str) -> list[str]:
    """The packages of an extra that are not installed, as pip names them; none is imported.

    Args:
        extra: a key of `EXTRAS`.
        *packages: those to look for, as they are imported; all of the extra by default.
    """
    known = EXTRAS[extra]
    return [known[name] for name in packages or known if not _is_there(name)]


def missing_text(extra: str, purpose: str, *packages: str) -> str:
    """What is missing and the command that installs it; empty if everything is there.

    Args:
        extra: a key of `EXTRAS`.
        purpose: what needs it, as the subject of "needs".
        *packages: as for `missing`.
    """
    names = missing(extra, *packages)
    if not names:
        return ""
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    verb, them = ("are", "them") if len(names) > 1 else ("is", "it")
    return (
        f"{purpose} needs {listed}, which {verb} not installed. "
        f"Install {them} with: {install_command(extra)}"
    )


def require_extra(extra: str, purpose: str, *packages: str) -> None:
    """Stop before any work if a package of an extra is not installed.

    Args:
        extra: a key of `EXTRAS`.
        purpose: what needs it, as the subject of "needs".
        *packages: as for `missing`.

    Raises:
        MissingPackage: with the command that installs it.
    """
    if text := missing_text(extra, purpose, *packages):
        raise MissingPackage(text)


def install_command(extra: str) -> str:
    """The command that installs an extra.

    Example:
        >>> install_command("report")
        "pip install 'gnnvision[report]'"
    """
    return f"pip install 'gnnvision[{extra}]'"


def extra_of(module: str) -> str:
    """The first extra with the package of a module; empty if none has it.

    Example:
        >>> extra_of("rdkit.Chem"), extra_of("torch")
        ('molecules', '')
    """
    package = module.partition(".")[0]
    return next((extra for extra, held in EXTRAS.items() if package in held), "")


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # an import hook refuses it; it has no spec
        return False
