"""`python -m pipelines check` says what DVC would refuse after the work was done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.commands import check
from pipelines.config.errors import UserError
from tests.support import user_errors

DATASET = {
    "recipe": "text_csv", "source": "in/reviews.csv", "options": {"inputs": {}},
}  # fmt: skip
EMPTY = {
    "seed": 1,
    "downloads": {},
    "datasets": {},
    "warm_starts": {},
    "baselines": {},
    "experiments": {},
}


def write(path: str, **sections) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(yaml.safe_dump({**EMPTY, **sections}, sort_keys=False))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with a graph that has nothing in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write("params.yaml")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (folder / ".git").mkdir()
    return folder


def checked(path: str = "params.yaml") -> None:
    user_errors.checked(path)


def refused(path: str = "params.yaml") -> UserError:
    with pytest.raises(UserError) as error:
        checked(path)
    return error.value


def shell(line: str) -> None:
    environ = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    subprocess.run(line, shell=True, check=True, env=environ, capture_output=True)


def test_a_project_without_git(project):
    (project / ".git").rmdir()
    error = refused()
    assert (error.code, error.path) == ("repository-missing", str(project))
    shell(error.message.partition("make it one: ")[2])
    checked()


@pytest.mark.parametrize("place", ["above", "none wanted"])
def test_what_dvc_takes_without_git_beside_it(project, place):
    (project / ".git").rmdir()
    if place == "above":
        (project.parent / ".git").mkdir()
    else:
        (project / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    checked()


@pytest.mark.parametrize("folder", ["data", "data/prepared", "data/trained"])
def test_a_folder_that_is_a_link_to_another_disk(project, folder):
    (project / ".git").rmdir()
    shell("git init -q")
    target = project.parent / "big disk"
    (target / "sub").mkdir(parents=True)
    (target / "sub/file").write_text("kept")
    Path(folder).parent.mkdir(exist_ok=True)
    Path(folder).symlink_to(target)
    error = refused()
    assert (error.code, error.path, error.value) == ("folder-is-link", folder, str(target))
    shell(error.message.partition("links to it: ")[2])
    assert (project / folder / "sub/file").read_text() == "kept"
    assert not Path(folder).is_symlink()
    checked()
    assert "big disk-cache" in Path(".dvc/config.local").read_text()


def test_links_that_dvc_takes(project):
    shutil.copytree(project / ".dvc", project / "inside")
    (project / "data").symlink_to("inside")
    (project.parent / "sources").mkdir()
    (project / "in").symlink_to(project.parent / "sources")
    checked()


@pytest.mark.parametrize("other", ["course/params.yaml", "benchmarks/params.yaml"])
@pytest.mark.parametrize(("section", "theirs"), [
    ("datasets", "datasets"), ("datasets", "warm_starts"), ("experiments", "experiments"),
    ("downloads", "downloads"),
])  # fmt: skip
def test_a_name_that_another_graph_has(project, other, section, theirs):
    write(other, **{theirs: {"reviews": {}}})
    write("params.yaml", **{section: {"mine": {}, "reviews": {}}})
    error = next(e for e in check.inspect(Path("params.yaml"))[1] if e.code == "name-duplicate")
    assert error.path == "params.yaml"
    assert (error.key, error.value) == (f"{section}.reviews", "reviews")
    assert error.line == 1 + Path("params.yaml").read_text().splitlines().index("  reviews: {}")
    assert other in error.message


def test_one_name_in_folders_of_their_own(project):
    write("benchmarks/params.yaml", experiments={"reviews": {}})
    write("params.yaml", datasets={"reviews": DATASET})
    error = refused()
    assert error.code != "name-duplicate"


def test_another_graph_that_cannot_be_read(project):
    write("benchmarks/params.yaml")
    Path("benchmarks/params.yaml").write_text("a: [")
    checked()
