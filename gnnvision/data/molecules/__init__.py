"""Molecules: read a table of SMILES into graphs with features, targets and a split."""

from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.table import Table, read_table
from gnnvision.data.molecules.task import MoleculeTask

__all__ = ["Featurizer", "MoleculeTask", "Table", "read_table"]
