"""Fine-tuning: what changes, what does not, that it learns, and that the test is read once."""

from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.training.events import EpochDone
from gnnvision.training.seed_run import SeedRun
from gnnvision.transfer import (
    Backbone,
    Plan,
    cross_validate,
    fine_tune,
    finetune,
    load_backbone,
    similarity,
)

from .tasks import pictures, small_network

HEAD = gv.Recipe(epochs=15, lr=0.05, optimizer="adamw", batch_size=16, checkpoint_selection="last")
FINE = gv.Recipe(epochs=4, lr=3e-3, optimizer="adamw", batch_size=16, checkpoint_selection="last")
PLAN = Plan(head=HEAD, fine=FINE, views=1, fine_views=1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GNNVISION_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def trained():
    """A network that knows stripes in all three channels: six classes."""
    task = pictures(600, classes=6, seed=1)
    model = small_network(6)
    recipe = gv.Recipe(epochs=12, lr=0.01, optimizer="adamw", schedule="cosine", batch_size=32)
    gv.fit(model, task, recipe, progress=False)
    return model.eval()


@pytest.fixture
def backbone(trained):
    return Backbone(trained, None, "stripes of three colors")


@pytest.fixture
def task():
    return pictures(90).with_augment(gv.data.Augment(flip="random"))


def changed(model, backbone):
    """The blocks of which anything is another number than before."""
    state, before = model.state_dict(), backbone.network.state_dict()
    moved = {n for n, t in state.items() if t.shape != before[n].shape}
    moved |= {n for n, t in state.items() if n not in moved and not torch.equal(t, before[n])}
    parts = [b for b in backbone.blocks if any(m.startswith(f"{b.name}.") for m in moved)]
    return [b.name for b in parts]


@pytest.mark.parametrize(
    ("strategy", "count"), [("head", 0), ("last", 1), ("part", 2), ("whole", 3)]
)
def test_a_strategy_changes_its_blocks_and_learns(backbone, task, strategy, count):
    before = {n: t.clone() for n, t in backbone.state_dict().items()}
    result = fine_tune(backbone, task, PLAN, strategy=strategy)
    names = [b.name for b in backbone.blocks]
    # Of the first block, whitening, nothing is learned by design.
    assert changed(result.model, backbone) == names[len(names) - count :]
    assert result.values("test", "accuracy")[0] > 0.85
    assert all(torch.equal(t, before[n]) for n, t in backbone.state_dict().items())
    assert not any(m._forward_pre_hooks for m in result.model.modules())
    words = {0: "", 1: "the last 1 block and the head", 2: "the last 2 blocks and the head"}
    begun = [(1, "the head only")]
    begun += [(HEAD.epochs + 1, words.get(count, "the whole network"))] if count else []
    assert result.best.stages == begun


def test_its_figures_are_those_of_the_network_on_pictures(backbone, task):
    result = fine_tune(backbone, task, PLAN, seeds=2, strategy="last")
    model, best = result.model, result.best
    with torch.no_grad():
        said = torch.cat([model(x, domain).argmax(1) for x, domain, _ in task.batches("test")])
    assert torch.equal(said, best.prediction)
    assert best.metrics["test"]["accuracy"] == pytest.approx(
        float((said == best.target).double().mean())
    )
    assert [row["epoch"] for row in best.history] == list(range(1, 20))


def test_the_test_part_is_read_once_a_seed_and_after_the_training(backbone, task, monkeypatch):
    read = []
    kept = SeedRun.evaluate_splits

    def noted(run, parts, most):
        read.extend((part, run.finished) for part in parts)
        return kept(run, parts, most)

    monkeypatch.setattr(SeedRun, "evaluate_splits", noted)
    fine_tune(backbone, task, PLAN, seeds=2, strategy="part")
    assert read == [(part, True) for part in ("train", "val", "test")] * 2
    read.clear()
    cross_validate(backbone, task, {"head": PLAN}, 3)
    assert read == [("val", True)] * 3


def test_folds_hold_each_item_once_and_no_test_item(backbone, task):
    splits = finetune._folds(task, 4, 0)
    held = sorted(i for split in splits for i in split.val.tolist())
    assert held == sorted([*task.split.train.tolist(), *task.split.val.tolist()])
    for split in splits:
        assert not set(split.val.tolist()) & set(split.train.tolist())
        assert not len(split.test)
    scores = cross_validate(backbone, task, {"a": PLAN, "b": replace(PLAN, views=0)}, 3)
    assert {name: len(values) for name, values in scores.items()} == {"a": 3, "b": 3}
    assert min(scores["a"]) > 0.6


def test_seeds_differ_and_repeat(backbone, task):
    first = fine_tune(backbone, task, PLAN, seeds=2, strategy="last")
    again = fine_tune(backbone, task, PLAN, seeds=2, strategy="last")
    losses = [row["train_loss"] for row in first.outcomes[0].history]
    assert losses == [row["train_loss"] for row in again.outcomes[0].history]
    assert losses != [row["train_loss"] for row in first.outcomes[1].history]


def test_gradual_unfreezing_opens_one_part_after_the_other():
    assert Plan("whole", gradual=True).stages(19) == [14, 9, 0]
    assert Plan("part", gradual=True).stages(19) == [14, 9]
    assert Plan("whole").stages(19) == [0]
    assert Plan("head", gradual=True).stages(19) == []


def test_gradual_runs_as_many_epochs(backbone, task):
    result = fine_tune(backbone, task, replace(PLAN, gradual=True), strategy="whole")
    assert result.outcomes[0].epochs == HEAD.epochs + FINE.epochs
    assert len(changed(result.model, backbone)) == 3


def test_auto_says_why(backbone, task):
    said = []
    result = fine_tune(backbone, task, PLAN, strategy="auto", on_progress=said.append)
    assert result.facts["Strategy"].startswith("“head”: the dataset is small (30 training items;")
    assert said[0].startswith("strategy 'head': the dataset is small (30")


def test_similarity_tells_known_from_unknown(backbone, task):
    known = similarity(backbone, task)
    assert known.value > 0.5
    assert known.trained > known.untrained
    noise = torch.randint(0, 2, task.y.shape, generator=torch.Generator().manual_seed(5))
    assert similarity(backbone, replace(task, y=noise)).value < 0.4


def test_its_checkpoint_predicts_and_is_a_backbone_again(backbone, task, tmp_path):
    result = fine_tune(backbone, task, PLAN, strategy="head", folder=tmp_path)
    run = gv.load_run(tmp_path)
    said = run.predict(task.images_at(task.split.test.tolist())).values.argmax(1)
    assert torch.equal(said, result.best.prediction)
    assert load_backbone(tmp_path).num_features == backbone.num_features


def test_of_numbers_in_their_units():
    task = gv.data.load("bioactivity")
    backbone = Backbone(gv.models.molecule_gcn(task.in_channels, 3, 16))
    head = replace(HEAD, epochs=3)
    result = fine_tune(backbone, task, Plan("last", head, replace(FINE, epochs=3)))
    (mean,), _ = task.target_statistics
    assert abs(result.best.prediction.mean() - mean) < 3
    assert result.values("test", "rmse")[0] < 5


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (replace(PLAN, gradual=True), "'gradual' must be False with strategy='head', .* got True"),
        (
            replace(PLAN, gradual=True, strategy="last"),
            "'gradual' must be False with strategy='last', .* got True",
        ),
        (
            replace(PLAN, head=replace(HEAD, progressive_resizing=0.5)),
            "'progressive_resizing' must be 0 for training on .* got 0.5 in 'head' of the plan",
        ),
        (
            replace(PLAN, fine=replace(FINE, progressive_resizing=0.5), strategy="last"),
            "'progressive_resizing' must be 0 for training on .* got 0.5 in 'fine' of the plan",
        ),
        (
            replace(PLAN, head=replace(HEAD, optimizer="muon")),
            "'optimizer' must have an effect on the model, got 'muon'",
        ),
    ],
)
def test_settings_of_a_plan_without_effect(backbone, task, plan, text):
    with pytest.raises(ValueError, match=text):
        fine_tune(backbone, task, plan)


def test_it_takes_what_fit_takes(backbone, task, tmp_path):
    plan = replace(PLAN, strategy="last")
    events = []
    result = fine_tune(
        backbone, task, plan, 2, folder=tmp_path, precision="bfloat16", ensemble=True,
        log="csv", callbacks=[events.append], progress=False,
    )  # fmt: skip
    assert result.precision == "bfloat16"
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert rows == [row for outcome in result.outcomes for row in outcome.history]
    saved = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert saved == [
        "best.safetensors", "outcomes.safetensors", "seed-0.safetensors", "seed-1.safetensors",
    ]  # fmt: skip
    assert fine_tune(backbone, task, plan, progress=False).precision == "float32"
