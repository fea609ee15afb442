"""Publishing: completely, once, and as a new version."""

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
from tests.support.serving_trees import write_golden, write_signature

ROOT = Path(__file__).parents[2]


def export(folder: Path, text: str = "graph") -> Path:
    """The files of an export; publishing does not parse them."""
    (folder / "model/variables").mkdir(parents=True, exist_ok=True)
    (folder / "model/saved_model.pb").write_text(text)
    (folder / "model/variables/variables.index").write_text("index")
    write_signature(folder)
    write_golden(folder, {"text": ["it's"]}, {"label": ["ham"]})
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
    export(exported)  # the content of version 1; the newest version is 2
    assert repository.publish(exported, root, "m") == repository.Published("m", 3, new=True)
    assert set(files(root / "m/3")) == {
        *("saved_model.pb", "variables/variables.index"),
        *("signature.json", "golden.json", "content.sha256"),
    }
    assert files(root / "m/1") == files(root / "m/3")
    assert sorted(path.name for path in (root / "m").iterdir()) == ["1", "2", "3"]


def test_a_version_whose_files_changed_is_damaged(tmp_path, exported):
    repository.publish(exported, tmp_path, "m")
    assert not repository.is_damaged(tmp_path / "m/1")
    (tmp_path / "m/1/variables/variables.index").write_text("indeX")
    assert repository.is_damaged(tmp_path / "m/1")
    (tmp_path / "m/1/content.sha256").unlink()  # without a digest nothing is known
    assert not repository.is_damaged(tmp_path / "m/1")


@pytest.mark.parametrize("missing", ["model/saved_model.pb", "signature.json", "golden.json"])
def test_an_incomplete_export_is_refused(tmp_path, exported, missing):
    (exported / missing).unlink()
    with pytest.raises(UserError) as raised:
        repository.publish(exported, tmp_path / "served", "m")
    error = raised.value
    assert (error.code, error.path) == ("export-incomplete", str(exported))
    assert error.value == Path(missing).name
    assert repository.models(tmp_path / "served") == {}


def test_publishing_that_fails_leaves_nothing(tmp_path, exported, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        repository.publish(exported, tmp_path / "served", "m")
    assert list((tmp_path / "served/m").iterdir()) == []


def test_concurrent_publishers_write_one_version_each(tmp_path):
    folders = [export(tmp_path / f"exported/{i}", f"graph {i % 4}") for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        done = list(
            pool.map(lambda folder: repository.publish(folder, tmp_path / "served", "m"), folders)
        )
    versions = repository.versions(tmp_path / "served/m")
    assert sorted(published.version for published in done if published.new) == list(versions)
    for folder, published in zip(folders, done, strict=True):
        assert (
            files(versions[published.version])["saved_model.pb"]
            == files(folder)["model/saved_model.pb"]
        )


def test_the_example_of_a_version_can_be_pasted(tmp_path, exported):
    repository.publish(exported, tmp_path, "m")
    line = example.curl_command("http://127.0.0.1:8501", "m", tmp_path / "m/1")
    assert line.startswith("curl -s http://127.0.0.1:8501/v1/models/m:predict -d ")
    printed = subprocess.run(
        ["bash", "-c", line.replace("curl", "printf '%s\\n'", 1)], capture_output=True, text=True
    )
    assert json.loads(printed.stdout.splitlines()[-1]) == {"instances": ["it's"]}
    write_golden(tmp_path / "m/1", {"text": ["a" * 2000]}, {})
    source = example.curl_command("http://127.0.0.1:8501", "m", tmp_path / "m/1").split(" | ")[0]
    assert source.startswith(f"{sys.executable} -m serving.example ")
    done = subprocess.run(source, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"instances": ["a" * 2000]}
