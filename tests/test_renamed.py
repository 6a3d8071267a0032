import inspect
import warnings
from dataclasses import dataclass, replace
from importlib import import_module

import pytest
import torch

import gnnvision as gv
from gnnvision._renamed import former_arguments, former_attributes, former_fields
from gnnvision.data import Card, ScanReport
from gnnvision.explain import Faithfulness, FeatureMaps, Layer, Sanity

# The public names of version 0.1 that have another name now.
RENAMED = {
    "data": {"Part": "SplitName"},
    "data.images": {"picture_files": "image_files", "read_picture": "read_image"},
    "explain": {
        "OverInputs": "MeanGains",
        "cascade": "cascading_randomization",
        "depths": "layers_by_depth",
        "over_inputs": "mean_gains",
        "randomized": "randomize_weights",
        "reaches": "receptive_field_sizes",
    },
    "transfer": {
        "Frozen": "FrozenFeatures",
        "NoWeights": "WeightsNotFound",
        "PicturePreprocessing": "ImagePreprocessing",
        "fill": "load_weights",
        "frozen_part": "frozen_features",
        "hold_statistics": "freeze_norm_statistics",
        "with_few": "with_few_labels",
    },
    "basics": {
        "GREY": "GRAY",
        "Worked": "Calculation",
        "copies": "compare_copies",
        "example": "example_computation",
        "filtered": "apply_kernel",
        "global_pooled": "global_pool",
        "hand_made": "get_kernel",
        "layer_with": "layer_from_kernels",
        "mixed": "mix_channels",
        "pooled": "pool",
        "shift_change": "shift_sensitivity",
        "smoothed": "smooth_curve",
        "worked_at": "output_at",
    },
}


@pytest.mark.parametrize("package", RENAMED)
def test_former_names_of_a_package(package):
    module = import_module(f"gnnvision.{package}")
    for former, current in RENAMED[package].items():
        assert getattr(module, former) is getattr(module, current)
        assert current in module.__all__
        assert former not in module.__all__
        assert former not in dir(module)
    with pytest.raises(AttributeError, match=f"'gnnvision.{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_former_attributes_of_results():
    assert ScanReport("x", 0, 0).left_out == ()
    constant = torch.tensor([True])
    curves = Faithfulness(*torch.rand(5, 1), "probability", constant=constant)
    assert curves.flat is constant
    sanity = Sanity((), torch.rand(0, 1, 1), min_sites=3, between=constant, constant=constant)
    assert (sanity.fewest, sanity.flat) == (3, constant)
    assert Layer("pool", "GraphPool", (1, 2), None, cluster=constant).inside is constant
    with pytest.raises(AttributeError, match="nothing"):
        sanity.nothing  # noqa: B018


@former_attributes({"was": "now"})
class Base:
    def now(self):
        return [1]


def test_a_former_method_calls_the_current_one_of_a_subclass():
    class Child(Base):
        def now(self):
            return [*super().now(), 2]

    assert Child().was() == [1, 2]
    assert Base.was is Base.now


def test_an_override_by_the_former_name_reaches_the_method_above():
    class Child(Base):
        def was(self):
            return [*super().was(), 2]

    class Grandchild(Child):
        def was(self):
            return [*super().was(), 3]

    assert Grandchild().was() == [1, 2, 3]


@former_fields({"was": "now"})
@dataclass(frozen=True)
class Record:
    now: int = 0
    other: int = 0


def test_former_fields():
    record = Record(was=1)
    assert record == Record(1) == Record(now=1)
    assert record.was == 1
    assert replace(record, was=2, other=3) == Record(2, 3)
    assert replace(record, now=2).was == 2
    with pytest.raises(TypeError, match="'was' must not be given together with 'now'"):
        Record(was=1, now=2)
    with pytest.raises(TypeError, match="'never'"):
        Record(never=1)


def test_former_arguments():
    @former_arguments(told="on_progress")
    def train(model, *, on_progress=print):
        return model, on_progress

    assert train(1, told=2) == train(1, on_progress=2) == (1, 2)
    assert train(1) == (1, print)
    with pytest.raises(TypeError, match="'told' must not be given together with 'on_progress'"):
        train(1, told=2, on_progress=2)


@pytest.mark.parametrize(
    ("function", "former", "current"),
    [
        (FeatureMaps.varied, "member", "sample"),
        (gv.explain.layers_by_depth, "most", "max_count"),
        (gv.explain.layers_by_depth, "seen", "sizes"),
        (gv.explain.pointing_game, "member", "sample"),
        (gv.transfer.best_strategy, "told", "on_progress"),
        (gv.transfer.cross_validate, "told", "on_progress"),
        (gv.transfer.fine_tune, "told", "on_progress"),
        (gv.basics.apply_kernel, "picture", "image"),
        (gv.basics.mix_channels, "picture", "image"),
        (gv.basics.shift_sensitivity, "picture", "image"),
    ],
)
def test_former_arguments_of_public_functions(function, former, current):
    assert current in inspect.signature(function).parameters
    with pytest.raises(TypeError, match=f"'{former}' must not be given .* '{current}'"):
        function(**{former: 0, current: 0})


def test_a_card_of_a_script_may_have_a_licence():
    values = {"name": "a", "title": "A", "kind": "node", "description": "d", "source": "s"}
    card = Card(**values, licence="MIT", citation="c")
    assert card.license == card.licence == "MIT"
    assert replace(card, licence="CC0").license == "CC0"


def test_former_names_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gv.explain.depths is gv.explain.layers_by_depth
