"""Molecules: read a table of SMILES into graphs with features, targets and a split."""

from gnnvision._renamed import former_module
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.load import from_smiles, from_table, load
from gnnvision.data.molecules.task import MoleculeTask
from gnnvision.data.table import Table, read_table

__all__ = [
    "Featurizer",
    "MoleculeTask",
    "Table",
    "from_smiles",
    "from_table",
    "load",
    "read_table",
]

for _name in ("cells", "table", "targets"):
    former_module(f"gnnvision.data.molecules.{_name}", f"gnnvision.data.{_name}")
