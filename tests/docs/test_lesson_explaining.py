"""The lesson on explanations: the shortcut is found, and the verdicts are those stated."""

import math

import pytest

from tests.docs.lessons import printed, run_lesson


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # imshow
def test_the_lesson_on_explaining(tmp_path):
    names, outputs = run_lesson("explaining", tmp_path)
    text = printed(outputs)
    assert "features.40 (1, 512, 5, 8) one value sees 132 × 132 pixels" in text
    assert float(abs(names["cam"].mean() - names["logit"])) < 1e-3  # the CAM sums to the output
    assert float(names["same"]) > 0.99  # Grad-CAM is the CAM here
    shares = names["shares"]
    assert shares["8 with mark"] > 0.9
    assert shares["8 without mark"] < 0.5
    assert shares["others without mark"] < 0.05 < shares["others with mark"]
    assert names["fitted"].values("test", "accuracy")[0] > 0.9
    assert names["hits"]["occlusion"] > 0.8
    failed = "fails the parameter-randomization test"
    assert names["verdicts"]["integrated_gradients"] == (failed, "better than random")
    assert names["verdicts"]["grad_cam"] == ("depends on the model", "better than random")
    assert names["gains"].verdict == "better than random"
    assert names["learned"].values("test", "r2")[0] > 0.5
    assert names["correlation"]["integrated_gradients"] > 0.6
    assert math.isclose(sum(names["own"].tolist()), names["logp"][names["item"]], abs_tol=1e-4)
    assert "more than half of the map is shared" in text  # brightness as an explanation
    assert "nan" not in text
