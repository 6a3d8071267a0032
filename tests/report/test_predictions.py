import numpy as np
import pytest
import torch

from gnnvision.report.predictions import errors, predict_all

from .molecules import SMILES


def test_answers_are_those_of_the_run(molecules_run, answers_run):
    for result in (molecules_run, answers_run):
        said = predict_all(result)
        test = result.task.split.test.copy()
        torch.testing.assert_close(said[test], result.best.prediction.cpu(), rtol=1e-4, atol=1e-5)
        assert said[len(SMILES) :].isnan().all()
        assert not said[: len(SMILES)].isnan().any()


def test_errors_by_hand(answers_run):
    task, said = answers_run.task, predict_all(answers_run)
    off = errors(task, said)
    row = SMILES.index("CCO")
    assert off[row, 0] == pytest.approx(1 - float(said[row, 0]))
    assert np.isnan(off[SMILES.index("CCN"), 1])
