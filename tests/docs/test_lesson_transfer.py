"""The lesson on transfer: the table of the notes holds where it can be measured."""

import math

import pytest

from tests.docs.lessons import printed, run_lesson


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*split has no items:UserWarning")  # of few labels
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # imshow
def test_the_lesson_on_transfer(tmp_path):
    names, outputs = run_lesson("transfer", tmp_path)
    text = printed(outputs)
    assert "digits: 1,290 of 288,618 are trained" in text
    assert names["moved"]["freeze"] == 0 < names["moved"]["requires_grad=False"]
    assert names["without"] < 0.8 < names["with_source"]
    assert names["choices"]["noisy digits"].strategy == "head"
    assert names["choices"]["shuffled digits"].strategy == "part"
    found = {key: values.mean() for key, values in names["found"].items()}
    noisy = {strategy: found["noisy digits", strategy] for strategy in names["strategies"]}
    assert max(noisy, key=noisy.get) == "head"
    assert noisy["head"] > found["noisy digits", "scratch"] + 0.1
    shuffled = {strategy: found["shuffled digits", strategy] for strategy in names["strategies"]}
    assert min(shuffled, key=shuffled.get) == "head"
    assert shuffled["part"] > shuffled["head"] + 0.1
    curves = {key: values.mean() for key, values in names["curves"].items()}
    assert all(math.isfinite(value) for value in curves.values())
    assert all(curves["head", count] < curves["scratch", count] for count in names["labels"])
    assert curves["head", 10] < curves["scratch", 100]
    # 90 of 98: 93.5 % is the best training accuracy.
    assert "87 of 98: 88.8%, 95 % interval 81.0% to 93.6%" in text
    assert "90 of 98: 91.8%, 95 % interval 84.7% to 95.8%" in text
    assert round(360 / 385, 6) == 0.935065
