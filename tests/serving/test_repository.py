"""What is published: whole, once, and as a version of its own."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.config.errors import UserError
from serving import example
from serving.servables import repository

ROOT = Path(__file__).parents[2]


def export(folder: Path, text: str = "graph") -> Path:
    """The files of an export; the tree does not look into them."""
    (folder / "model/variables").mkdir(parents=True, exist_ok=True)
    (folder / "model/saved_model.pb").write_text(text)
    (folder / "model/variables/variables.index").write_text("index")
    (folder / "signature.json").write_text("{}")
    golden = {"inputs": {"text": ["it's"]}, "outputs": {"label": ["ham"]}}
    (folder / "golden.json").write_text(json.dumps(golden))
    return folder


@pytest.fixture
def exported(tmp_path) -> Path:
    return export(tmp_path / "exported/m")


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_content_makes_no_new_version(tmp_path, exported):
    root = tmp_path / "served"
    assert repository.publish(exported, root, "m") == repository.Published("m", 1, new=True)
    assert repository.publish(exported, root, "m") == repository.Published("m", 1, new=False)
    export(exported, "another graph")
    assert repository.publish(exported, root, "m") == repository.Published("m", 2, new=True)
    export(exported)  # version 1 again: what is exported is to be served, and 2 is the newest
    assert repository.publish(exported, root, "m") == repository.Published("m", 3, new=True)
    assert set(files(root / "m/3")) == {
        *("saved_model.pb", "variables/variables.index"),
        *("signature.json", "golden.json", "content.sha256"),
    }
    assert files(root / "m/1") == files(root / "m/3")
    assert sorted(path.name for path in (root / "m").iterdir()) == ["1", "2", "3"]


def test_a_version_whose_files_change_is_known_as_damaged(tmp_path, exported):
    repository.publish(exported, tmp_path, "m")
    assert not repository.is_damaged(tmp_path / "m/1")
    (tmp_path / "m/1/variables/variables.index").write_text("indeX")
    assert repository.is_damaged(tmp_path / "m/1")
    (tmp_path / "m/1/content.sha256").unlink()  # of another's tree nothing can be said
    assert not repository.is_damaged(tmp_path / "m/1")


@pytest.mark.parametrize("missing", ["model/saved_model.pb", "signature.json", "golden.json"])
def test_an_export_that_is_not_whole_is_refused(tmp_path, exported, missing):
    (exported / missing).unlink()
    with pytest.raises(
        UserError, match=rf"{Path(missing).name} is missing; run `dvc repro export@m`"
    ):
        repository.publish(exported, tmp_path / "served", "m")
    assert repository.models(tmp_path / "served") == {}


def test_publishing_that_fails_leaves_nothing(tmp_path, exported, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        repository.publish(exported, tmp_path / "served", "m")
    assert list((tmp_path / "served/m").iterdir()) == []


def test_publishers_at_once_make_one_version_each(tmp_path):
    folders = [export(tmp_path / f"exported/{i}", f"graph {i % 4}") for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        done = list(
            pool.map(lambda folder: repository.publish(folder, tmp_path / "served", "m"), folders)
        )
    found = repository.versions(tmp_path / "served/m")
    assert sorted(each.version for each in done if each.new) == list(found)
    for folder, each in zip(folders, done, strict=True):
        assert files(found[each.version])["saved_model.pb"] == files(folder)["model/saved_model.pb"]


def test_the_example_of_a_version_can_be_pasted(tmp_path, exported):
    repository.publish(exported, tmp_path, "m")
    line = example.curl_command("http://127.0.0.1:8501", "m", tmp_path / "m/1")
    assert line.startswith("curl -s http://127.0.0.1:8501/v1/models/m:predict -d ")
    said = subprocess.run(
        ["bash", "-c", line.replace("curl", "printf '%s\\n'", 1)], capture_output=True, text=True
    )
    assert json.loads(said.stdout.splitlines()[-1]) == {"instances": ["it's"]}
    (tmp_path / "m/1/golden.json").write_text(json.dumps({"inputs": {"text": ["a" * 2000]}}))
    source = example.curl_command("http://127.0.0.1:8501", "m", tmp_path / "m/1").split(" | ")[0]
    assert source.startswith(f"{sys.executable} -m serving.example ")
    done = subprocess.run(source, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"instances": ["a" * 2000]}
