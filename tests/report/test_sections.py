from dataclasses import replace

import gnnvision as gv
from gnnvision.data import NodeTask, Task
from gnnvision.report.sections import SECTIONS, sections_of

from .conftest import picture_task


def names(task):
    return [make.__name__ for make in sections_of(task)]


def test_sections_of_images_and_of_their_reconstruction():
    task = picture_task()
    assert {"samples", "augmentation", "gallery", "maps"} <= set(names(task))
    assert "reconstruction" not in names(task)
    assert "reconstruction" in names(task.reconstruction())
    assert not {"confusion", "gallery", "projection"} & set(names(task.reconstruction()))


def test_sections_of_nodes_and_molecules(molecules_run, answers_run):
    assert "neighborhood" in names(gv.data.load("karate"))
    assert "regression" in names(molecules_run.task)
    assert "ranking" in names(answers_run.task)
    for run in (molecules_run, answers_run):
        assert {"atom_attributions", "applicability_domain"} <= set(names(run.task))
        assert not {"confusion", "neighborhood", "maps"} & set(names(run.task))


def test_your_own_kind_of_task_has_the_sections_of_the_kind_it_extends():
    class Mine(NodeTask):
        pass

    karate = gv.data.load("karate")
    mine = Mine(**{name: getattr(karate, name) for name in vars(karate) if name[0] != "_"})
    assert names(mine) == names(karate)
    several = replace(mine, kind="regression", y=mine.y[:, None].float().expand(-1, 2))
    assert names(several) == ["published", "curves", "regression", "network"]
    assert names(replace(mine, kind="ranking")) == ["published", "curves", "network"]


def test_every_report_begins_and_ends_in_the_same_way():
    for (cls, kind), own in SECTIONS.items():
        assert issubclass(cls, Task), cls
        assert kind in ("classification", "regression", "multilabel")
        assert len(own) == len(set(own))
        assert own.index(next(make for make in own if make.__name__ == "curves")) <= 3
