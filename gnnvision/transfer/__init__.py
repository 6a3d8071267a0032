"""Transfer learning: pretrained backbones, freezing and fine-tuning."""

from gnnvision._renamed import former_names
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.feature_task import FeatureTask
from gnnvision.transfer.features import FrozenFeatures, frozen_features
from gnnvision.transfer.few_labels import with_few_labels
from gnnvision.transfer.finetune import auto_strategy, best_strategy, cross_validate, fine_tune
from gnnvision.transfer.freeze import freeze, freeze_norm_statistics, is_frozen, unfreeze
from gnnvision.transfer.low_data import LowDataScores, initial_model, mean_predictor_rmse
from gnnvision.transfer.plan import Plan
from gnnvision.transfer.preprocessing import ImagePreprocessing, MoleculePreprocessing
from gnnvision.transfer.pretrained import (
    image_backbone,
    molecule_backbone,
    trained_backbone,
)
from gnnvision.transfer.similarity import Similarity, similarity
from gnnvision.transfer.sources import WeightsNotFound, load_backbone
from gnnvision.transfer.strategy import Choice, Strategy, apply_strategy, choose_strategy
from gnnvision.transfer.weights import load_weights, read_weights

__all__ = [
    "Backbone",
    "Choice",
    "FeatureTask",
    "FrozenFeatures",
    "ImagePreprocessing",
    "LowDataScores",
    "MoleculePreprocessing",
    "Plan",
    "Similarity",
    "Strategy",
    "WeightsNotFound",
    "apply_strategy",
    "auto_strategy",
    "best_strategy",
    "choose_strategy",
    "cross_validate",
    "fine_tune",
    "freeze",
    "freeze_norm_statistics",
    "frozen_features",
    "image_backbone",
    "initial_model",
    "is_frozen",
    "load_backbone",
    "load_weights",
    "mean_predictor_rmse",
    "molecule_backbone",
    "read_weights",
    "similarity",
    "trained_backbone",
    "unfreeze",
    "with_few_labels",
]

_RENAMED = {  # since version 0.1
    "Frozen": "FrozenFeatures",
    "NoWeights": "WeightsNotFound",
    "PicturePreprocessing": "ImagePreprocessing",
    "fill": "load_weights",
    "frozen_part": "frozen_features",
    "hold_statistics": "freeze_norm_statistics",
    "with_few": "with_few_labels",
}
__getattr__ = former_names(__name__, _RENAMED)
