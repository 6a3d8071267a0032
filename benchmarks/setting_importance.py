"""Which measure of the importance of settings is closest to the truth, where that is known.

python benchmarks/setting_importance.py

The score is a sum of one function of each setting and noise, so that the share of each setting in
the variance is known. Trials are drawn at random and by Optuna's TPE; the table has the mean
distance of each measure to the true shares, over ten draws, and its largest value.
"""

import warnings

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)

SETTINGS = {
    "lr": FloatDistribution(1e-4, 1e3, log=True),
    "dropout": FloatDistribution(0, 1),
    "weight_decay": FloatDistribution(1e-5, 0.1, log=True),
    "hidden": CategoricalDistribution([8, 16, 32]),
}
MEASURES = {
    "mean decrease in impurity": lambda: MeanDecreaseImpurityImportanceEvaluator(seed=0),
    "fANOVA": lambda: FanovaImportanceEvaluator(seed=0),
    "PED-ANOVA": PedAnovaImportanceEvaluator,
}
DRAWS, NOISE = 10, 0.05


def terms(unit, hidden):
    """The part of each setting in the score; `unit` has the first three from 0 to 1."""
    lr, dropout, weight_decay = np.asarray(unit).T
    return (
        -4 * (lr - 0.4) ** 2,
        0.5 * dropout,
        -0.2 * weight_decay,
        0.2 * (np.asarray(hidden) == 16),
    )


def study_of(count, sampler, seed):
    """A study of `count` trials."""
    rng = np.random.default_rng(seed)
    study = optuna.create_study(direction="maximize", sampler=sampler(seed=seed))
    for _ in range(count):
        trial = study.ask(SETTINGS)
        held = trial.params
        unit = [(np.log10(held["lr"]) + 4) / 7, held["dropout"],
                (np.log10(held["weight_decay"]) + 5) / 4]  # fmt: skip
        score = sum(float(np.sum(term)) for term in terms([unit], [held["hidden"]]))
        study.tell(trial, score + NOISE * rng.standard_normal())
    return study


def main():
    """Print the true shares, and the distances of the measures to them."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(0)
    variances = [
        np.var(t) for t in terms(rng.random((200_000, 3)), rng.choice([8, 16, 32], 200_000))
    ]
    shares = dict(zip(SETTINGS, np.array(variances) / sum(variances), strict=True))
    print("true shares:", ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    for count in (20, 40, 100):
        for sampler in (optuna.samplers.RandomSampler, optuna.samplers.TPESampler):
            studies = [study_of(count, sampler, seed) for seed in range(DRAWS)]
            for name, measure in MEASURES.items():
                found = [get_param_importances(study, evaluator=measure()) for study in studies]
                away = [sum(abs(one[n] - shares[n]) for n in shares) / 2 for one in found]
                print(f"{count:3d} trials, {sampler.__name__:13s} {name:26s} "
                      f"{np.mean(away):.2f} (at most {max(away):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
