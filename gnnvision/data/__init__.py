"""Datasets: cards, downloads, safe readers, splits and tasks. Independent of models.

`load("cora")` returns a `Task`; training iterates over its `batches`. Files come from the data
root or a verified download, and no code in them is executed.
"""

from gnnvision._renamed import former_names
from gnnvision.data.card import Card, DataFile, PaperFigure, SplitRule, card_names, read_card
from gnnvision.data.checking import Check, check
from gnnvision.data.column_sources import Columns, read_columns
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.errors import ChecksumError, DataNotFound, UnsafePickleError
from gnnvision.data.graphs import (
    GraphTask,
    GraphWriter,
    LinkRanking,
    LinkTask,
    NeighborSampler,
    NodeTask,
    PowerLaw,
    cugraph_loader,
    from_arrays,
    from_networkx,
    from_pyg,
    from_tables,
    generate_graph,
    rank_links,
    to_links,
    write_graph,
)
from gnnvision.data.images import (
    Augment,
    Finding,
    ImageTask,
    ReconstructionTask,
    ScanReport,
    from_tensors,
    scan,
)
from gnnvision.data.loading import dataset_names, describe, load, load_auto
from gnnvision.data.molecules import Featurizer, MoleculeTask, Table, from_smiles, read_table
from gnnvision.data.root import cache_folder, data_root, datasets_folder
from gnnvision.data.safe_pickle import safe_loads
from gnnvision.data.split import Split, random_node_split, stratified_split
from gnnvision.data.task import SplitName, Task

__all__ = [
    "Augment",
    "Card",
    "Check",
    "ChecksumError",
    "ColumnEncoder",
    "Columns",
    "DataFile",
    "DataNotFound",
    "Featurizer",
    "Finding",
    "GraphTask",
    "GraphWriter",
    "ImageTask",
    "LinkRanking",
    "LinkTask",
    "MoleculeTask",
    "NeighborSampler",
    "NodeTask",
    "PaperFigure",
    "PowerLaw",
    "ReconstructionTask",
    "ScanReport",
    "Split",
    "SplitName",
    "SplitRule",
    "Table",
    "Task",
    "UnsafePickleError",
    "cache_folder",
    "card_names",
    "check",
    "cugraph_loader",
    "data_root",
    "dataset_names",
    "datasets_folder",
    "describe",
    "from_arrays",
    "from_networkx",
    "from_pyg",
    "from_smiles",
    "from_tables",
    "from_tensors",
    "generate_graph",
    "load",
    "load_auto",
    "random_node_split",
    "rank_links",
    "read_card",
    "read_columns",
    "read_table",
    "safe_loads",
    "scan",
    "stratified_split",
    "to_links",
    "write_graph",
]

__getattr__ = former_names(__name__, {"Part": "SplitName"})
