import pytest

import gnnvision as gv
from gnnvision.report import write_report


def trained(task, folder, seeds=2, epochs=15, model=None, **recipe):
    """A quick run in `folder`."""
    model = model or gv.models.gcn(task.in_channels, 8, task.num_classes)
    recipe = gv.Recipe(epochs=epochs, **recipe)
    return gv.fit(model, task, recipe, seeds=seeds, folder=folder, progress=False)


@pytest.fixture(scope="session")
def karate_run(tmp_path_factory):
    """A run of three seeds on two classes, with its report."""
    result = trained(gv.data.load("karate"), tmp_path_factory.mktemp("karate"), seeds=3)
    return result, write_report(result, "python run.py --seeds 3")


@pytest.fixture(scope="session")
def stdlib_run(tmp_path_factory):
    """A run of one seed on eight classes, without its report."""
    return trained(gv.data.load("stdlib"), tmp_path_factory.mktemp("stdlib"), seeds=1, epochs=40)
