"""Addresses of names in the documentation of torch, torch-geometric and others, without a network.

The schemes were read from the sites. Only a name that can be imported gets an address; a name
whose page is not known gets none.
"""

from __future__ import annotations

import builtins
import inspect
import types
from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["address", "canonical_name", "exists"]

TORCH = "https://docs.pytorch.org/docs/stable/"
TORCHVISION = "https://docs.pytorch.org/vision/stable/"
PYG = "https://pytorch-geometric.readthedocs.io/en/latest/"
NUMPY = "https://numpy.org/doc/stable/reference/generated/"
SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated/"
NETWORKX = "https://networkx.org/documentation/stable/reference/"
PANDAS = "https://pandas.pydata.org/docs/reference/api/"
RDKIT = "https://www.rdkit.org/docs/source/"
PYTHON = "https://docs.python.org/3/library/"
PACKAGES = {"matplotlib", "mpl_toolkits", "networkx", "numpy", "pandas", "PIL", "rdkit", "scipy",
            "torch", "torch_geometric", "torchvision"}  # fmt: skip
STANDARD = {"argparse", "collections", "contextlib", "dataclasses", "enum", "functools", "io",
            "itertools", "logging", "os", "pathlib", "types", "typing", "warnings"}  # fmt: skip
# What is on another page than on one of its own.
PAGES = {
    "torch.Tensor": f"{TORCH}tensors.html",
    "torch.dtype": f"{TORCH}tensor_attributes.html",
    "torch.device": f"{TORCH}tensor_attributes.html",
    "torch.layout": f"{TORCH}tensor_attributes.html",
    "numpy.typing.ArrayLike": "https://numpy.org/doc/stable/reference/typing.html",
    "networkx.Graph": f"{NETWORKX}classes/graph.html",
    "networkx.DiGraph": f"{NETWORKX}classes/digraph.html",
    "networkx.MultiGraph": f"{NETWORKX}classes/multigraph.html",
    "networkx.MultiDiGraph": f"{NETWORKX}classes/multidigraph.html",
    "matplotlib.axes.Axes": "https://matplotlib.org/stable/api/_as_gen/matplotlib.axes.Axes.html",
    "matplotlib.figure.Figure": "https://matplotlib.org/stable/api/figure_api.html",
    "PIL.Image.Image": "https://pillow.readthedocs.io/en/stable/reference/Image.html",
}
# Modules of torch whose functions and classes have a page each.
TORCH_PAGES = {"torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.parallel",
               "torch.optim", "torch.optim.lr_scheduler", "torch.func", "torch.autograd",
               "torch.linalg"}  # fmt: skip
PYG_PAGES = {"nn.conv", "nn.models", "nn.aggr", "nn.norm", "nn.pool", "nn.dense", "data",
             "datasets", "transforms"}  # fmt: skip
PYG_MODULES = {"loader", "utils", "sampler", "explain"}
BUILTIN_PAGES = {"str": "stdtypes", "int": "functions", "float": "functions", "bool": "functions",
                 "list": "stdtypes", "tuple": "stdtypes", "dict": "stdtypes", "set": "stdtypes",
                 "frozenset": "stdtypes", "bytes": "stdtypes", "range": "stdtypes",
                 "slice": "functions", "object": "functions", "type": "functions"}  # fmt: skip


@cache
def _find(name: str) -> tuple[Any, Any] | None:
    """The object of a dotted name and what holds it, if it can be imported."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    if len(parts) == 1 and hasattr(builtins, name):
        return getattr(builtins, name), builtins
    if parts[0] not in PACKAGES | STANDARD:
        return None
    for end in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        holder = None
        for part in parts[end:]:
            if not hasattr(found, part):
                return None
            holder, found = found, getattr(found, part)
        return found, holder
    return None


def exists(name: str) -> bool:
    """Whether a dotted name of another package can be imported."""
    return _find(name) is not None


@cache
def canonical_name(name: str) -> str | None:
    """The shortest name of an object: `torch.nn.Linear` for `torch.nn.modules.linear.Linear`."""
    found = _find(name)
    if found is None:
        return None
    thing, holder = found
    parts = name.split(".")
    if isinstance(thing, types.ModuleType) or parts[0] in STANDARD or len(parts) < 2:
        return name.replace("pathlib._local", "pathlib")
    if isinstance(holder, type):
        owner = canonical_name(".".join(parts[:-1]))
        return f"{owner}.{parts[-1]}"
    for end in range(1, len(parts) - 1):
        shorter = _find(".".join([*parts[:end], parts[-1]]))
        if shorter is not None and shorter[0] is thing:
            return ".".join([*parts[:end], parts[-1]])
    return name


def address(name: str) -> str | None:
    """Where an object of another package is documented; None if that is not known."""
    short = canonical_name(name)
    if short is None:
        return None
    if short in ("rdkit.Chem.Mol", "rdkit.Chem.rdchem.Mol"):
        return f"{RDKIT}rdkit.Chem.rdchem.html#rdkit.Chem.rdchem.Mol"
    thing, holder = _find(short) or (None, None)
    if isinstance(thing, types.ModuleType):
        return _module(short)
    owner = short.rpartition(".")[0]
    if short in PAGES:
        return f"{PAGES[short]}#{short}"
    if isinstance(holder, type) and owner != "torch.Tensor":
        page = address(owner)  # a method is on the page of its class
        return page and f"{page.partition('#')[0]}#{short}"
    package = short.partition(".")[0]
    if package == "torch":
        if owner == "torch.Tensor" or (owner in TORCH_PAGES and callable(thing)):
            return f"{TORCH}generated/{short}.html#{short}"
        if owner == "torch.utils.data":
            return f"{TORCH}data.html#{short}"
        return None
    if package == "torch_geometric":
        return _torch_geometric(thing, short)
    if package == "torchvision":
        folder = "models/generated" if short.startswith("torchvision.models.") else "generated"
        return f"{TORCHVISION}{folder}/{short}.html#{short}" if callable(thing) else None
    if package in ("numpy", "scipy", "pandas"):
        site = {"numpy": NUMPY, "scipy": SCIPY, "pandas": PANDAS}[package]
        return f"{site}{short}.html#{short}"
    if package == "networkx" and inspect.isfunction(thing):
        full = f"{thing.__module__}.{thing.__name__}"
        folder = "algorithms/" if full.startswith("networkx.algorithms.") else ""
        return f"{NETWORKX}{folder}generated/{full}.html#{full}"
    if package in STANDARD:
        return f"{PYTHON}{owner}.html#{short}"
    return _builtin(thing, short) if "." not in short else None


def _module(name: str) -> str | None:
    if name == "torch" or name in ("torch.nn", "torch.optim", "torch.func", "torch.linalg"):
        return f"{TORCH}{name.partition('.')[2] or name}.html"
    if name == "torch.nn.functional":
        return f"{TORCH}nn.functional.html"
    package, _, rest = name.partition(".")
    if package == "torch_geometric" and rest in {"nn", "data", "datasets", *PYG_MODULES}:
        return f"{PYG}modules/{rest}.html"
    return f"{PYTHON}{name}.html" if package in STANDARD else None


def _torch_geometric(thing: object, short: str) -> str | None:
    """A class of `nn` is documented under its folder, as torch_geometric.nn.conv.GCNConv."""
    for folder in PYG_PAGES:
        owner = _find(f"torch_geometric.{folder}")
        name = short.rpartition(".")[2]
        if owner and getattr(owner[0], name, None) is thing and inspect.isclass(thing):
            full = f"torch_geometric.{folder}.{name}"
            return f"{PYG}generated/{full}.html#{full}"
    folder = short.split(".")[1]
    return f"{PYG}modules/{folder}.html#{short}" if folder in PYG_MODULES else None


def _builtin(thing: object, name: str) -> str | None:
    if isinstance(thing, type) and issubclass(thing, BaseException):
        return f"{PYTHON}exceptions.html#{name}"
    if name in ("None", "True", "False"):
        return f"{PYTHON}constants.html#{name}"
    page = BUILTIN_PAGES.get(name)
    return f"{PYTHON}{page}.html#{name}" if page else None
