"""The journal of a sweep: Optuna's, with one line for each finished trial."""

from __future__ import annotations

import contextlib
import math
import os
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnvision._extras import require_extra
from gnnvision.errors import invalid
from gnnvision.models.arguments import fits
from gnnvision.training.measures import json_ready, mean, spread
from gnnvision.training.search_space import Choices, Range, Value, combinations

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["Journal", "Trial", "importance", "suggest"]

JOURNAL = "journal.log"
ENOUGH = 20  # trials for the importance of settings to mean something
_FACTS: dict[str, Any] = {
    "number": int, "scores": list[float], "loss": float | None, "seconds": float, "reason": str,
    "host": str,
}  # fmt: skip
_DRAWS = 100  # of settings that no other trial has


@dataclass(frozen=True)
class Trial:
    """A finished trial: its settings and its validation scores. It has no test scores.

    Args:
        number: of the trial, from 0.
        settings: name -> value.
        scores: the validation score of each seed, at its kept epoch; none of a failed trial.
        loss: the mean validation loss at the kept epochs, which orders equal scores.
        seconds: training time of all seeds, in seconds.
        reason: why it failed; empty otherwise.
        host: the machine that finished it.
    """

    number: int
    settings: Mapping[str, Value]
    scores: tuple[float, ...] = ()
    loss: float = math.nan
    seconds: float = field(default=0.0, compare=False)
    reason: str = ""
    host: str = field(default="", compare=False)

    @property
    def score(self) -> float:
        """The mean of the scores; NaN if it failed."""
        return mean(self.scores)

    @property
    def stats(self) -> dict[str, Any]:
        """Mean, standard deviation and values of the scores."""
        return spread(self.scores)


class Journal:
    """The finished trials of a sweep, in a file that all its processes append to.

    Args:
        folder: of the sweep.
        space: the settings that vary.
        higher_is_better: whether a higher score is better.

    Raises:
        ModuleNotFoundError: if Optuna is not installed.
        ValueError: if the file is damaged.
    """

    def __init__(
        self, folder: Path, space: Mapping[str, Range | Choices], higher_is_better: bool
    ) -> None:
        require_extra("sweep", "A sweep")
        self.path = Path(os.path.abspath(folder / JOURNAL))
        self.space, self.higher_is_better = dict(space), higher_is_better

    @cached_property
    def _study(self) -> Study:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        with _quiet():
            backend = JournalFileBackend(str(self.path), lock_obj=_lock(self.path))
            return optuna.create_study(
                storage=optuna.storages.JournalStorage(backend),
                study_name="sweep",
                direction="maximize" if self.higher_is_better else "minimize",
                load_if_exists=True,
            )

    def trials(self) -> dict[int, Trial]:
        """The finished trials by their numbers, those of other processes included.

        Raises:
            ValueError: if the file is damaged.
        """
        found: dict[int, Trial] = {}
        try:
            with _quiet():
                frozen = self._study.get_trials(deepcopy=False)
            for held in frozen:
                trial = _thawed(held)
                found.setdefault(trial.number, trial)
        except OSError:
            raise
        except Exception as error:  # Optuna raises many types
            condition, advice = "be a journal of this sweep", "Restore it, or name a new sweep."
            raise invalid(JOURNAL, condition, f"{str(self.path)!r} ({error})", advice) from error
        return dict(sorted(found.items()))

    def add(self, trial: Trial) -> None:
        """Append a finished trial, whole or not at all."""
        with _quiet():
            self._study.add_trial(_frozen(trial, self.space))


def _thawed(held: FrozenTrial) -> Trial:
    """A trial of the journal, each of whose facts has its type."""
    about = held.user_attrs
    for name, kind in _FACTS.items():
        if not fits(about[name], kind):
            raise ValueError(f"{name!r} is {about[name]!r}"[:100])
    loss = math.nan if about["loss"] is None else about["loss"]
    return Trial(
        about["number"], held.params, tuple(about["scores"]), loss,
        about["seconds"], about["reason"], about["host"],
    )  # fmt: skip


def suggest(
    journal: Journal,
    number: int,
    running: Sequence[Mapping[str, Value]],
    trials: int,
) -> dict[str, Value]:
    """The settings of a new trial: all combinations if they are few, else those of Optuna's TPE.

    The settings of trials that are running or have failed are kept away from.

    Args:
        journal: the finished trials.
        number: of the new trial, which also seeds the random numbers.
        running: the settings of trials that are not finished.
        trials: how many there will be.
    """
    import optuna

    space = journal.space
    listed = combinations(space, trials)
    if listed is not None:
        random.Random(0).shuffle(listed)
        return listed[number]
    finished = journal.trials().values()
    with _quiet():
        sampler = optuna.samplers.TPESampler(seed=number, constant_liar=True)
        study = optuna.create_study(
            sampler=sampler, direction="maximize" if journal.higher_is_better else "minimize"
        )
        others = [Trial(-1, settings, reason="not finished") for settings in running]
        study.add_trials([_frozen(trial, space, liar=True) for trial in (*finished, *others)])
        known = [dict(settings) for settings in (*(t.settings for t in finished), *running)]
        for _ in range(_DRAWS):
            drawn = study.ask(_distributions(space)).params
            settings = {name: one.rounded(drawn[name]) for name, one in space.items()}
            if settings not in known:
                break
    return settings


def importance(
    trials: Sequence[Trial], space: Mapping[str, Range | Choices], higher_is_better: bool
) -> dict[str, float]:
    """How much each setting has to do with the scores: shares that sum to 1.

    A random forest predicts the scores from the settings; the share of a setting is that of its
    splits in the decrease of the variance (mean decrease in impurity, by `optuna.importance`). On
    functions with known shares it was closer to them than fANOVA and PED-ANOVA, which Optuna has
    too. Empty if fewer than twenty trials are complete or all scores are equal. It needs
    scikit-learn.

    Args:
        trials: the finished trials.
        space: the settings that vary.
        higher_is_better: whether a higher score is better.

    References:
        Breiman, Random Forests, 2001, https://doi.org/10.1023/A:1010933404324
    """
    complete = [trial for trial in trials if not trial.reason]
    if len(complete) < ENOUGH or len({trial.score for trial in complete}) < 2:
        return {}
    import optuna
    from optuna.importance import MeanDecreaseImpurityImportanceEvaluator, get_param_importances

    with _quiet():
        study = optuna.create_study(direction="maximize" if higher_is_better else "minimize")
        study.add_trials([_frozen(trial, space) for trial in complete])
        forest = MeanDecreaseImpurityImportanceEvaluator(seed=0)
        found = get_param_importances(study, evaluator=forest)
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def _frozen(
    trial: Trial, space: Mapping[str, Range | Choices], *, liar: bool = False
) -> FrozenTrial:
    """A trial as Optuna has it.

    Args:
        trial: the trial.
        space: the settings that vary.
        liar: whether one without scores counts as running, so that its settings are avoided.
    """
    import optuna
    from optuna.trial import TrialState

    failed = TrialState.RUNNING if liar else TrialState.FAIL
    return optuna.create_trial(
        state=failed if trial.reason else TrialState.COMPLETE,
        value=None if trial.reason else trial.score,
        params=dict(trial.settings),
        distributions=_distributions(space),
        user_attrs={
            "number": trial.number, "scores": list(trial.scores), "loss": json_ready(trial.loss),
            "seconds": trial.seconds, "reason": trial.reason, "host": trial.host,
        },
    )  # fmt: skip


def _distributions(space: Mapping[str, Range | Choices]) -> dict[str, BaseDistribution]:
    from optuna import distributions

    found: dict[str, BaseDistribution] = {}
    for name, one in space.items():
        if isinstance(one, Choices):
            found[name] = distributions.CategoricalDistribution(one.values)
        elif one.is_whole:
            found[name] = distributions.IntDistribution(int(one.low), int(one.high), one.log)
        else:
            found[name] = distributions.FloatDistribution(one.low, one.high, one.log)
    return found


def _lock(path: Path) -> Any:  # noqa: ANN401 - a class of Optuna, which is imported late
    """A lock for the journal that removes a line whose writer ended within it."""
    from optuna.storages.journal import JournalFileOpenLock

    class Lock(JournalFileOpenLock):
        def acquire(self) -> bool:
            acquired = super().acquire()
            _drop_part(path)
            return acquired

    return Lock(str(path))


def _drop_part(path: Path) -> None:
    """Remove an incomplete last line, as a full disk leaves: the next one would be lost too."""
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        if not end:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A block in which Optuna neither logs nor warns of what is experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
