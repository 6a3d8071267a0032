import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import cifar_record

import gnnvision as gv
from gnnvision.training.presets import IMAGE_PRESETS

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")


def test_phases_are_all_epochs_of_a_preset():
    for preset in IMAGE_PRESETS.values():
        assert sum(cifar_record.phases(preset).values()) == preset.recipe.epochs


def test_whole_trainings_are_the_sum_of_their_phases():
    phases = cifar_record.phases(cifar_record.PRESETS["quick"])
    names = [cifar_record.label("quick", phase) for phase in phases]
    assert len(set(names)) == len(phases)
    seconds = {name: [2.0, 4.0] for name in names} | {cifar_record.RECORD: [5.0, 5.0]}
    images = dict.fromkeys(names, 1000) | {cifar_record.RECORD: 1024}
    found = cifar_record.whole_trainings(seconds, images)
    epochs = IMAGE_PRESETS["quick"].recipe.epochs
    assert found["quick"] == pytest.approx([epochs * 50 * 2.0, epochs * 50 * 4.0])
    assert found[cifar_record.RECORD] == pytest.approx([9.9 * 50_000 / 1024 * 5] * 2)
    assert "long" not in found


def test_a_program_trains_on_images_of_its_phase(monkeypatch):
    images = torch.randint(0, 256, (2048, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(2048) % 10
    split = (torch.arange(1900), torch.arange(1900, 2000), torch.arange(2000, 2048))
    task = gv.data.from_tensors(images, labels, split=split)
    preset = cifar_record.PRESETS["quick"]
    narrow = {"widths": (4, 4, 4)}
    small = cifar_record.ImagePreset(preset.recipe, narrow, preset.shift)
    monkeypatch.setattr(cifar_record, "PRESETS", {"quick": small})
    calls, counts = cifar_record.programs(task, 1, ("quick",))
    *ours, record = calls
    assert record == cifar_record.RECORD
    assert set(ours) == {cifar_record.label("quick", p) for p in cifar_record.phases(small)}
    (row,) = calls[ours[0]]()[-1:]
    assert row["epoch"] == 1
    assert counts == dict.fromkeys(ours, 1000) | {record: 1024}
