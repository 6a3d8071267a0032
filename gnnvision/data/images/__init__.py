"""Image datasets: folders and archives, safe decoding, a cache, batches, augmentation."""

from gnnvision._renamed import former_names
from gnnvision.data.images.augment import Augment
from gnnvision.data.images.folder import scan
from gnnvision.data.images.labels import from_table
from gnnvision.data.images.load import load
from gnnvision.data.images.new_images import image_files, read_image
from gnnvision.data.images.scan_report import Finding, ScanReport
from gnnvision.data.images.task import ImageTask, ReconstructionTask, from_tensors
from gnnvision.data.images.torch_datasets import from_dataset

__all__ = [
    "Augment",
    "Finding",
    "ImageTask",
    "ReconstructionTask",
    "ScanReport",
    "from_dataset",
    "from_table",
    "from_tensors",
    "image_files",
    "load",
    "read_image",
    "scan",
]

_RENAMED = {"picture_files": "image_files", "read_picture": "read_image"}
__getattr__ = former_names(__name__, _RENAMED)
