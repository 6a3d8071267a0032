"""Transfer: what a network learned on much data, used where there is little."""

from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.feature_task import FeatureTask
from gnnvision.transfer.features import Frozen, frozen_part
from gnnvision.transfer.few import with_few
from gnnvision.transfer.finetune import auto_strategy, best_strategy, cross_validate, fine_tune
from gnnvision.transfer.freeze import freeze, hold_statistics, is_frozen, unfreeze
from gnnvision.transfer.plan import Plan
from gnnvision.transfer.preprocessing import MoleculePreprocessing, PicturePreprocessing
from gnnvision.transfer.similarity import Similarity, similarity
from gnnvision.transfer.sources import NoWeights, load_backbone
from gnnvision.transfer.strategy import Choice, Strategy, apply_strategy, choose_strategy
from gnnvision.transfer.weights import fill, read_weights

__all__ = [
    "Backbone",
    "Choice",
    "FeatureTask",
    "Frozen",
    "MoleculePreprocessing",
    "NoWeights",
    "PicturePreprocessing",
    "Plan",
    "Similarity",
    "Strategy",
    "apply_strategy",
    "auto_strategy",
    "best_strategy",
    "choose_strategy",
    "cross_validate",
    "fill",
    "fine_tune",
    "freeze",
    "frozen_part",
    "hold_statistics",
    "is_frozen",
    "load_backbone",
    "read_weights",
    "similarity",
    "unfreeze",
    "with_few",
]
