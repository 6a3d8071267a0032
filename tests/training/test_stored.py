"""Checkpoints that are damaged or hostile: one sentence with the file's name, never more."""

import copy
import json
import math
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import gnnvision as gv
from gnnvision.cli.load_inputs import load_inspected
from gnnvision.training import MoleculePredictor, Predictor, Recipe, fit, read_result, trainer
from gnnvision.training.events import StepDone
from gnnvision.training.progress import Interrupted
from gnnvision.training.record import BEST, LAST, OUTCOMES

from ..cli.checkpoints import of_molecules, of_nodes, of_pictures, picture
from . import tasks
from .test_fit import stop_after

KEPT = Path(__file__).parent / "kept"

NAN = math.nan
ODD = [
    None, True, -1, 0, 1.5, 10**30, -(10**30), NAN, math.inf, "", "other", "../../etc/passwd", [],
    [None], ["x"], [-1], [10**12, 10**12], {}, {"x": 1}, [[[]]], "hf-hub:a/b", "DEFAULT",
]  # fmt: skip


def read(file):
    with safe_open(file, "pt") as held:
        state = json.loads(held.metadata()["gnnvision"])
        state = {k: v for k, v in state.items() if k != "sha256"}
        return {name: held.get_tensor(name) for name in held.keys()}, state


def write(file, tensors, state):
    """As somebody who changes a checkpoint would: without the hash of the original."""
    save_file(tensors, file, {"gnnvision": json.dumps(state)})


def places(value, path=()):
    """The path of every field of a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list) and value and len(path) < 6:
        items = [(0, value[0])] if len(value) < 3 else [(0, value[0]), (len(value) - 1, value[-1])]
    for key, item in items:
        yield from places(item, (*path, key))


def changed(value, path, new):
    """A copy with another value at a path; without it if `new` is the type `del`."""
    out = copy.deepcopy(value)
    at = out
    for key in path[:-1]:
        at = at[key]
    if new is places:  # a mark: delete
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return out


def tampered_states(state, odd=ODD):
    for path in places(state):
        for new in [places, *odd]:
            yield path, new, changed(state, path, new)


def tampered_tensors(tensors):
    for name, value in tensors.items():
        rest = {n: v for n, v in tensors.items() if n != name}
        yield name, "missing", rest
        yield name, "shape", rest | {name: torch.zeros(*value.shape, 2, dtype=value.dtype)}
        yield name, "type", rest | {name: torch.zeros(value.shape, dtype=torch.int16)}
        if value.is_floating_point() and value.numel():
            for wrong in (NAN, math.inf):
                filled = value.clone()
                filled.view(-1)[-1] = wrong
                yield name, str(wrong), rest | {name: filled}
    yield "more", "beyond", tensors | {"more.weight": torch.zeros(2)}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a checkpoint led to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def use_pictures(file, inputs):
    predictor = Predictor.load(file)
    predictor(torch.zeros(1, predictor.channels, *predictor.size, dtype=torch.uint8))
    load_inspected(str(file), [str(inputs / "a.png")])
    gv.transfer.load_backbone(file)


def use_molecules(file, inputs):
    MoleculePredictor.load(file)(["CCO"])
    load_inspected(str(file), ["CCO"])
    gv.transfer.load_backbone(file)


def use_nodes(file, inputs):
    load_inspected(str(file), ["3"])
    gv.transfer.load_backbone(file)


KINDS = {
    "pictures": (of_pictures, use_pictures),
    "molecules": (of_molecules, use_molecules),
    "nodes": (of_nodes, use_nodes),
}


def survives(use, *args):
    """Whether it works; otherwise it is a ValueError that names the file."""
    text = ""
    try:
        use(*args)
    except ValueError as error:
        text = str(error)
    named = "must" in text or text.startswith("loss diverged")
    assert not text or (named and len(text) < 1000), text
    return not text


@pytest.mark.parametrize("kind", KINDS)
class TestTrained:
    def test_as_it_was_written(self, tmp_path, kind):
        make, use = KINDS[kind]
        picture(tmp_path / "a.png")
        use(make(tmp_path) / "best.safetensors", tmp_path)

    @pytest.mark.slow
    def test_every_field(self, tmp_path, kind):
        make, use = KINDS[kind]
        picture(tmp_path / "a.png")
        file = make(tmp_path) / "best.safetensors"
        tensors, state = read(file)
        refused = used = 0
        for path, new, tampered in tampered_states(state):
            write(file, tensors, tampered)
            if survives(use, file, tmp_path):
                used += 1
                assert path[0] not in ("kind", "precision") or tampered == state, (path, new)
            else:
                refused += 1
        assert refused > used

    @pytest.mark.slow
    def test_every_tensor(self, tmp_path, kind):
        make, use = KINDS[kind]
        picture(tmp_path / "a.png")
        file = make(tmp_path) / "best.safetensors"
        tensors, state = read(file)
        for name, how, tampered in tampered_tensors(tensors):
            write(file, tampered, state)
            with pytest.raises(ValueError, match="'checkpoint' must") as caught:
                use(file, tmp_path)
            assert repr(str(file)) in str(caught.value), (name, how)

    def test_a_flipped_byte(self, tmp_path, kind):
        make, use = KINDS[kind]
        picture(tmp_path / "a.png")
        file = make(tmp_path) / "best.safetensors"
        whole, same = file.read_bytes(), str(read(file))
        for place in range(9, len(whole), len(whole) // 40):
            data = bytearray(whole)
            data[place] ^= 0x10
            file.write_bytes(data)
            if survives(use, file, tmp_path):  # the name of the hash alone: its value stays
                tensors, state = read(file)
                hashes = [k for k, v in state.items() if re.fullmatch("[0-9a-f]{64}", str(v))]
                state = {k: v for k, v in state.items() if k not in hashes}
                assert str((tensors, state)) == same, place


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"name": "resnet18", "arguments": {"weights": "DEFAULT"}}, "a run never writes"),
        ({"name": "resnet18", "arguments": {"weights": "/etc/passwd"}}, "a run never writes"),
        ({"name": "torchvision_network", "arguments": {"name": "hf-hub:a/b"}}, "'name' of torch"),
        ({"name": "timm_network", "arguments": {"name": "hf-hub:a/b"}}, "'name' of timm_network"),
        ({"name": "timm_network", "arguments": {"name": "local-dir:/etc"}}, "'name' of timm"),
        ({"name": "os.system", "arguments": {}}, "is not in gnnvision.models"),
        ({"name": "gcn", "arguments": {"in_channels": 10**9, "hidden_channels": 10**9}}, "is 10"),
        ({"name": "gcn", "arguments": {"in_channels": 4, "num_layers": 10**6}}, "'num_layers' of"),
        (
            {"name": "gcn", "arguments": dict.fromkeys(
                ("in_channels", "hidden_channels", "num_classes"), 10**6
            )},
            "must have the weights of gcn",
        ),
        ({"name": "gcn", "arguments": {"nothing": 3}}, "'arguments' of gcn must be among"),
        ({"name": "whitened_cnn", "arguments": {"depths": [2] * 1000}}, "'depths' of"),
        ({"name": "whitened_cnn", "arguments": {"depths": [2, 2, 2**20]}}, "'depths' of"),
        ({"name": "gcn", "arguments": {"in_channels": "34"}}, "'in_channels' of gcn is '34'"),
        ({"name": 3, "arguments": {}}, "'spec' has no name of a network"),
        ({"name": "gcn"}, "'spec' has no arguments"),
    ],
)  # fmt: skip
def test_a_spec_reaches_nowhere(tmp_path, spec, said):
    file = of_pictures(tmp_path) / "best.safetensors"
    tensors, state = read(file)
    write(file, tensors, state | {"spec": spec})
    with pytest.raises(ValueError, match=said) as caught:
        Predictor.load(file)
    assert repr(str(file)) in str(caught.value)


def test_nan_has_a_sentence_of_its_own(tmp_path):
    file = of_pictures(tmp_path) / "best.safetensors"
    tensors, state = read(file)
    name = next(n for n, v in tensors.items() if v.is_floating_point())
    tensors[name].view(-1)[0] = NAN
    write(file, tensors, state)
    with pytest.raises(
        ValueError, match=rf"{name} contains NaN or infinity, as after a diverged training"
    ):
        Predictor.load(file)


def small():
    return gv.Sequential(gv.Conv2d(1, 2, 3), gv.Readout(), torch.nn.Linear(2, 2))


def stopped(folder, monkeypatch, recipe):
    """A run of two seeds that stopped in the second one, within an epoch."""
    with pytest.raises(Interrupted):
        fit(
            small(), tasks.pictures(40), recipe, 2, folder=folder, progress=False,
            callbacks=stop_after(10, StepDone, signal.SIGTERM),
        )  # fmt: skip
    return folder / LAST


RECIPE = Recipe(epochs=2, lr=0.01, batch_size=7)


def in_progress(state, change):
    """The state of a run with a changed seed in progress."""
    (held,) = state["running"]
    return state | {"running": [held | change]}


def go_on(folder):
    (folder / "result.json").unlink(missing_ok=True)  # or the run would be finished
    fit(small(), tasks.pictures(40), RECIPE, 2, folder=folder, resume=True, progress=False)


class TestProgress:
    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore:The run is resumed with")
    def test_every_field(self, tmp_path, monkeypatch):
        file = stopped(tmp_path, monkeypatch, RECIPE)
        tensors, state = read(file)
        fine = set()
        for path, _, tampered in tampered_states(state, [None, True, -1, NAN, "other", [], {}]):
            write(file, tensors, tampered)
            if survives(go_on, tmp_path) and tampered != state:
                fine.add(path[2] if path[0] == "running" and len(path) > 2 else path[0])
        # What is only shown, or a fact of the training so far.
        assert fine <= {
            "environment", "outcomes", "history", "seconds", "waited", "best_rank", "best_epoch",
            "identity", "groups", "steps", "step", "transfer", "running",
        }  # fmt: skip

    @pytest.mark.slow
    def test_every_tensor(self, tmp_path, monkeypatch):
        file = stopped(tmp_path, monkeypatch, RECIPE)
        tensors, state = read(file)
        for name, how, tampered in tampered_tensors(tensors):
            write(file, tampered, state)
            fine = survives(go_on, tmp_path)
            assert not fine or name.startswith(
                ("outcome/", "running/0/part/", "more", "running/0/optimizer/")
            ), (name, how)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"epoch": 10**6}, "'epoch' is 1000000"),
            ({"batch": 10**9}, "'batch' is 1000000000, but the outputs of"),
            ({"history": [{"epoch": 1}]}, "the rows of 'history' have different columns"),
            ({"groups": []}, "'groups' are 0 instead of 1"),
            ({"seconds": NAN}, "'seconds' is nan"),
            ({"transfer": {"stage": 1}}, "'stage' is 1"),
            ({"transfer": {"before": "2"}}, "'before' is '2'"),
            ({"number": 0}, "'outcomes' of other seeds"),
            ({"number": 2}, "'outcomes' of other seeds"),
            ({"outcomes": [{}]}, "'seed' is missing"),
            ({"done": []}, "'outcomes' of other seeds"),
            ({"done": [1]}, "'outcomes' of other seeds"),
            ({"identity": None}, "'identity' is missing"),
        ],
    )
    def test_with_the_files_name(self, tmp_path, monkeypatch, change, said):
        file = stopped(tmp_path, monkeypatch, RECIPE)
        tensors, state = read(file)
        whole = change.keys() <= state.keys()
        write(file, tensors, state | change if whole else in_progress(state, change))
        with pytest.raises(ValueError, match=said) as caught:
            go_on(tmp_path)
        assert repr(str(file)) in str(caught.value)

    def test_a_setting_that_nobody_knows_is_another_run(self, tmp_path, monkeypatch):
        file = stopped(tmp_path, monkeypatch, RECIPE)
        tensors, state = read(file)
        recipe = state["identity"]["recipe"] | {"unknown": None}
        write(file, tensors, state | {"identity": state["identity"] | {"recipe": recipe}})
        with pytest.raises(ValueError, match="'unknown' must be None as in the run"):
            go_on(tmp_path)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"threads": 7}, "1 CPU threads instead of 7"),
            ({"torch": "1.0"}, rf"torch {torch.__version__} instead of 1.0".replace("+", r"\+")),
            ({"device": "cuda (X)"}, r"the device cpu \(.*\) instead of cuda \(X\)"),
            ({"instructions": "MMX"}, "instructions .* instead of MMX"),
        ],
    )
    def test_elsewhere_it_says_that_the_bits_differ(self, tmp_path, monkeypatch, change, said):
        file = stopped(tmp_path, monkeypatch, RECIPE)
        tensors, state = read(file)
        there = state["running"][0]["environment"]
        write(file, tensors, in_progress(state, {"environment": there | change}))
        with pytest.warns(UserWarning, match=rf"{said}: the result may differ in the last bits"):
            go_on(tmp_path)

    def test_older_ones_say_nothing_of_it(self, tmp_path, monkeypatch):
        file = stopped(tmp_path, monkeypatch, RECIPE)
        tensors, state = read(file)
        del state["running"][0]["environment"]
        write(file, tensors, state)
        go_on(tmp_path)

    def test_auto_keeps_the_precision_of_the_run(self, tmp_path, monkeypatch):
        monkeypatch.setattr(trainer, "resolve_precision", lambda *_: "float32")
        stopped(tmp_path, monkeypatch, RECIPE)
        monkeypatch.setattr(trainer, "resolve_precision", lambda *_: "bfloat16")
        go_on(tmp_path)
        assert read(tmp_path / BEST)[1]["precision"] == "float32"


@pytest.mark.slow
def test_the_record_of_a_finished_run(tmp_path):
    task = gv.data.load("karate")
    model = gv.models.gcn(34, 4, 2)
    fit(model, task, Recipe(epochs=2), 2, folder=tmp_path, progress=False)
    file = tmp_path / OUTCOMES
    tensors, state = read(file)
    for _, _, tampered in tampered_states(state, [None, True, -1, NAN, "other", [], {}]):
        write(file, tensors, tampered)
        survives(read_result, tmp_path, task, model)
    for _, _, tampered in tampered_tensors(tensors):
        write(file, tampered, state)
        survives(read_result, tmp_path, task, model)


@pytest.mark.filterwarnings("ignore:The run is resumed with")
def test_a_run_that_version_0_5_stopped_goes_on(tmp_path):
    """Its checkpoint has one seed in progress, not a list of them."""
    task, recipe = gv.data.load("karate"), Recipe(epochs=4, lr=0.05)
    model = gv.models.gcn(task.in_channels, 4, task.num_classes)
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(KEPT / "last.safetensors", tmp_path / LAST)
    went_on = fit(model, task, recipe, 3, folder=tmp_path, resume=True, progress=False)
    whole = fit(model, task, recipe, 3, progress=False)
    assert [outcome.seed for outcome in went_on.outcomes] == [0, 1, 2]
    assert all(len(outcome.history) == 4 for outcome in went_on.outcomes)
    # The seed that was begun had drawn dropout for the whole graph.
    torch.testing.assert_close(went_on.outcomes[2].prediction, whole.outcomes[2].prediction)
    assert [row["train_loss"] for row in went_on.outcomes[2].history] == pytest.approx(
        [row["train_loss"] for row in whole.outcomes[2].history], rel=1e-4
    )
