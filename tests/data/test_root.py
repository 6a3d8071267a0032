from pathlib import Path

import pytest

from gnnvision.data import cache_folder, data_root, datasets_folder
from gnnvision.data import root as root_module
from gnnvision.data.root import checkout_folder, is_writable


def test_the_root_that_is_named_comes_first(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setenv("GNNVISION_DATA", str(second))
    assert data_root(first) == first
    assert data_root(str(first)) == first
    assert data_root() == second


def test_then_the_checkout_then_the_cache(monkeypatch, cache):
    monkeypatch.setattr(root_module, "checkout_folder", lambda: Path("/somewhere"))
    assert data_root() == Path("/somewhere/datasets/cache")
    monkeypatch.setattr(root_module, "checkout_folder", lambda: None)
    assert data_root() == cache
    monkeypatch.setattr(root_module, "cache_folder", lambda: None)
    with pytest.raises(ValueError, match="'root' must be given if there is no home folder"):
        data_root()


def test_a_named_root_must_exist(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"'root' must be a folder that exists, got '.*gone'"):
        data_root(tmp_path / "gone")
    monkeypatch.setenv("GNNVISION_DATA", str(tmp_path / "gone"))
    with pytest.raises(ValueError, match=r"\$GNNVISION_DATA must be a folder that exists"):
        data_root()


def test_the_cache_folder(monkeypatch, cache):
    assert cache_folder() == cache
    monkeypatch.delenv("GNNVISION_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/gnnvision")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder() == Path("/home/me/.cache/gnnvision")

    def no_home():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder() is None


def test_the_cards_of_a_wheel_lie_in_the_package(monkeypatch, tmp_path):
    package = tmp_path / "site-packages" / "gnnvision"
    (package.parent / "datasets" / "cards").mkdir(parents=True)  # another project's
    monkeypatch.setattr(root_module, "_PACKAGE", package)
    assert checkout_folder() is None
    assert datasets_folder().parts[-2:] == ("gnnvision", "_datasets")
    (package.parent / "pyproject.toml").touch()
    assert datasets_folder() == package.parent / "datasets"


def test_a_folder_marked_read_only_is_not_writable(tmp_path):
    assert is_writable(tmp_path / "not" / "yet" / "there")
    tmp_path.chmod(0o555)
    assert not is_writable(tmp_path)
    assert not is_writable(tmp_path / "below")
    tmp_path.chmod(0o755)
    (tmp_path / "file").touch()
    assert not is_writable(tmp_path / "file" / "below")
