"""The lesson on networks states the facts of the lecture notes."""

import pytest

from tests.docs.lessons import printed, run_lesson


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # imshow
def test_the_lesson_on_networks(tmp_path):
    names, outputs = run_lesson("networks", tmp_path)
    text = printed(outputs)
    assert names["convolutions"] == 156 + 2_416 + 48_120 == 50_692
    assert names["head_1998"] == 11_014
    assert names["convolutions"] + names["head_notes"] == 545_546
    assert names["as_in_the_notes"] == 3_692
    assert "cannot be multiplied (2x256 and 128x10)" in text  # the notes skip fc2
    for line in (
        "1,456,330 23,050",
        "[28, 13, 6, 2]: 512 values to the dense layer, 360,458 parameters",
        "[32, 15, 7, 3]: 1152 values to the dense layer, 1,284,170 parameters",
        "vgg_like   2,396,330 -> 289,194  (88% saved)",
        "It is not in torchvision; the most similar network there is 'inception_v3'.",
        "features.40  512 → 512, 3 × 3     one value sees 132 × 132 pixels",
    ):
        assert line in text, line
    counts = ["896", "18,496", "73,856", "166,410", "183,040", "65,664", "8,256", "4,128", "33"]
    rows = [line for line in text.splitlines() if line.startswith(("encoder.", "decoder."))]
    assert [row.split()[-1] for row in rows] == counts
    assert min(names["accuracy"]["dense"]) > 0.95
    assert min(names["accuracy"]["average"]) > 0.9
    assert names["share"] > 0.6
    assert "False" not in text
