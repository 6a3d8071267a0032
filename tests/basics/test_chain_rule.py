from itertools import pairwise

import pytest
import torch

from gnnvision.basics import compare_copies, evaluate, example_computation

STEPS = {
    "a": (torch.sin, ("x",)),
    "b": (lambda x, y: x * y, ("x", "y")),
    "c": (lambda a, b: a * b + b, ("a", "b")),
    "f": (lambda c, a: torch.exp(0.1 * c) - a, ("c", "a")),
}


def test_the_graph_of_the_notes():
    done = example_computation(2, 3, 4)
    assert done.values == {"X": 2, "Y": 3, "Z": 4, "A": 5, "F": 20}
    assert done.gradients == {"X": 4, "Y": 4, "Z": 5, "A": 4, "F": 1}
    assert done.local == {("X", "A"): 1, ("Y", "A"): 1, ("A", "F"): 4, ("Z", "F"): 5}


def test_another_z_leaves_a_as_it_is():
    done = example_computation()
    assert done.steps_to_recompute("Z") == ("F",)
    assert done.steps_to_recompute("X") == ("A", "F")
    assert example_computation(z=9).values["A"] == done.values["A"]


def test_the_chain_rule_holds():
    """Along each path the local gradients multiply, and the paths add up."""
    done = evaluate({"x": 0.7, "y": -1.3}, STEPS)
    for name in ("x", "y", "a", "b", "c"):
        total = 0.0
        for path in done.paths(name):
            term = 1.0
            for edge in pairwise(path):
                term *= done.local[edge]
            total += term
        assert done.gradients[name] == pytest.approx(total, rel=1e-5)
    assert len(done.paths("x")) == 3


def test_gradients_are_the_slopes():
    step = 1e-3
    done = evaluate({"x": 0.7, "y": -1.3}, STEPS)
    for name in ("x", "y"):
        inputs = {"x": 0.7, "y": -1.3}
        high = evaluate(inputs | {name: inputs[name] + step}, STEPS).values["f"]
        low = evaluate(inputs | {name: inputs[name] - step}, STEPS).values["f"]
        assert done.gradients[name] == pytest.approx((high - low) / (2 * step), rel=1e-2)


def test_what_is_not_used_has_no_gradient():
    done = evaluate({"x": 1.0, "y": 2.0}, {"f": (lambda x: 3 * x, ("x",))})
    assert done.gradients["y"] == 0
    assert done.paths("y") == []


def test_clone_and_detach_as_in_the_notes():
    clone, detach, both = compare_copies()
    assert (clone.shares_memory, clone.in_graph, clone.gradient) == (False, True, 5)
    assert (detach.shares_memory, detach.in_graph, detach.gradient) == (True, False, 2)
    assert (both.shares_memory, both.in_graph, both.gradient) == (False, False, 2)


def test_refusals():
    with pytest.raises(ValueError, match="'steps' must have at least one step"):
        evaluate({"x": 1.0}, {})
    with pytest.raises(ValueError, match="'steps' must use only earlier names, got 'y' in step"):
        evaluate({"x": 1.0}, {"f": (torch.sin, ("y",))})
