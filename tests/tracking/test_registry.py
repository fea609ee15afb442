"""A registered model as MLflow gives it back, and the alias that says which one is served."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipelines import tracking
from pipelines.commands.prediction import model
from pipelines.config.errors import UserError
from pipelines.storage import arrays
from pipelines.tracking import champions, entries, registry, store
from tests.support.user_errors import user_error

TEXTS, LABELS = ["hi", "a long text"], ["short", "long"]
IDENTITY = {"code": "c", "data": "d", "params": "p"}
START = {"identity": IDENTITY, "params": {"units": 2}, "tags": {}, "dataset": None}
RESULT = {"key": "sms_gru", "score": 0.9, "better": "higher", "test_digest": "t" * 64}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A SavedModel from strings to a dict of a label, scores and a length."""
    tf = pytest.importorskip("tensorflow")

    class Lengths(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def serve(self, text):
            length = tf.strings.length(text)
            scores = tf.stack([tf.cast(length, tf.float32), tf.zeros_like(text, tf.float32)], 1)
            return {
                "label": tf.where(length > 5, "long", "short"),
                "scores": scores,
                "length": length,
            }

        @tf.function
        def add(self, left, right):
            return {"sum": left + right}

    model = Lengths()
    folders = [tmp_path_factory.mktemp("export") / name for name in ("model", "sums")]
    tf.saved_model.save(model, folders[0], signatures={"serving_default": model.serve})
    column = [tf.TensorSpec([None], tf.float32, name) for name in ("left", "right")]
    add = model.add.get_concrete_function(*column)
    tf.saved_model.save(model, folders[1], signatures={"serving_default": add})
    return folders


@pytest.fixture
def run_id(tracked_folder):
    with tracking.start("task", "sms_gru", **START) as run:
        pass
    return run.id


def loaded(monkeypatch, name, version):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store.root() / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    return model


def test_registered_model_answers(run_id, exported, monkeypatch, tmp_path):
    interface = {"inputs": {"text": "string"}, "example": TEXTS}
    version = tracking.register("sms", exported[0], run_id, interface=interface, **RESULT)
    assert version == "1" and os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    model = loaded(monkeypatch, "sms", version)
    assert model.metadata.metadata == interface and model.metadata.run_id == run_id
    frame = pd.DataFrame({"any name": TEXTS})
    inputs = [TEXTS, frame["any name"], frame, {"text": TEXTS}, np.array(TEXTS)]
    for data in inputs:
        answer = model.predict(data)
        assert answer["label"].tolist() == LABELS and answer["length"].tolist() == [2, 11]
        assert [list(row) for row in answer["scores"]] == [[2.0, 0.0], [11.0, 0.0]]
    assert model.predict("hi")["label"].tolist() == ["short"]
    with pytest.raises(ValueError, match=r"inputs are \['txt'\], the model's \['text'\]"):
        model.predict({"txt": TEXTS})
    packed = tmp_path / "mlruns" / "task" / "models"
    files = {path.name for path in packed.rglob("*") if path.is_file()}
    assert "saved_model.pb" in files and not [name for name in files if name.endswith(".pkl")]
    lines = next(packed.rglob("requirements.txt")).read_text().splitlines()
    assert [line.partition("==")[0] for line in sorted(lines)] == sorted(registry.REQUIRED)


def test_named_inputs(run_id, exported, monkeypatch):
    version = tracking.register("sums", exported[1], run_id, **RESULT)
    model = loaded(monkeypatch, "sums", version)
    columns = {"left": [1, 2], "right": [3.5, 4]}
    for data in (columns, pd.DataFrame(columns)):
        assert model.predict(data)["sum"].tolist() == [4.5, 6.0]
    with pytest.raises(ValueError, match="give a dict or a DataFrame"):
        model.predict([1.0, 2.0])


def test_champions_are_listed_with_what_export_wrote(run_id, exported):
    interface = {"digest": arrays.digest(exported[0]), "labels": LABELS, "requires": []}
    for name in ("text-sms", "text-mail"):
        version = tracking.register(name, exported[0], run_id, **RESULT, interface=interface)
        with user_error("model-missing", value="none"):
            model.resolve("champion:none")
        tracking.promote(name, version)
    assert [version["name"] for version in champions.champions()] == ["text-mail", "text-sms"]
    with user_error("champion-ambiguous"):
        model.resolve("champion")
    resolved = model.resolve("champion:sms")
    assert resolved.contract == interface
    (resolved.folder / "more").write_text("")
    with user_error("model-changed"):
        model.resolve("champion:text-sms")


def test_versions_and_champion(run_id, exported, tmp_path):
    assert tracking.champion("sms") is None
    first = tracking.register("sms", exported[0], run_id, **RESULT)
    assert tracking.champion("sms") is None
    tracking.promote("sms", first)
    known = {
        "name": "sms",
        "version": first,
        "run_id": run_id,
        "better": "higher",
        "key": "sms_gru",
    }
    current = tracking.champion("sms")
    assert known.items() <= current.items()
    assert (current["score"], current["test_digest"]) == (0.9, "t" * 64)
    assert (tracking.saved_model(current) / "saved_model.pb").is_file()
    again = tracking.register("sms", exported[0], run_id, **RESULT | {"score": 0.95})
    assert again == first and tracking.champion("sms")["score"] == 0.95
    changed = Path(shutil.copytree(exported[0], tmp_path / "changed"))
    (changed / "assets").mkdir(exist_ok=True)
    (changed / "assets" / "vocabulary.txt").write_text("hi")
    second = tracking.register("sms", changed, run_id, **RESULT)
    tracking.promote("sms", second)
    assert (first, second, tracking.champion("sms")["version"]) == ("1", "2", "2")
    with tracking.start("task", "sms_cnn", **START) as run:
        pass
    assert tracking.register("sms", exported[0], run.id, **RESULT) == "3"  # another run's


@pytest.mark.parametrize("change", ["another file", "another path"])
def test_what_was_not_registered_is_not_loaded(run_id, exported, tmp_path, change):
    """Not even where the MLmodel file says that the model lies elsewhere."""
    tracking.promote("sms", tracking.register("sms", exported[0], run_id, **RESULT))
    current = tracking.champion("sms")
    folder = tracking.saved_model(current)
    if change == "another file":
        (folder / "saved_model.pb").write_bytes((exported[1] / "saved_model.pb").read_bytes())
    else:
        shutil.copytree(exported[1], tmp_path / "hostile")
        mlmodel = next(
            parent / "MLmodel" for parent in folder.parents if (parent / "MLmodel").exists()
        )
        path, climb = folder.relative_to(mlmodel.parent), "../" * len(mlmodel.parent.parts)
        text = mlmodel.read_text()
        assert f"path: {path}" in text
        mlmodel.write_text(text.replace(f"path: {path}", f"path: {climb}{tmp_path}/hostile"))
    with pytest.raises(UserError) as error:
        tracking.saved_model(current)
    assert error.value.code == "model-changed"
    assert ("hostile" in error.value.path) == (change == "another path")


def test_what_is_refused(run_id, tmp_path):
    with pytest.raises(UserError) as error:
        tracking.register("sms", tmp_path, run_id, **RESULT)
    assert (error.value.code, error.value.path) == ("saved-model-missing", str(tmp_path))
    with pytest.raises(UserError) as error:
        tracking.register("sms", tmp_path, run_id, **RESULT | {"score": float("nan")})
    assert (error.value.code, error.value.key) == ("score-not-finite", "model sms")
    with pytest.raises(ValueError, match="better is 'more'"):
        tracking.register("sms", tmp_path, run_id, **RESULT | {"better": "more"})


@pytest.fixture
def server(run_id, tmp_path):
    """A bare `mlflow ui` in the root of the project."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "ui", "--port", port, "--workers", "1"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True
    )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5)
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < end, "mlflow ui did not start"
            time.sleep(0.2)
    yield url
    os.killpg(process.pid, signal.SIGKILL)  # with its workers; a polite end takes 5 s
    process.wait(30)


@pytest.mark.slow
def test_server(server, run_id, exported, tmp_path, monkeypatch):
    """It shows what the local store holds, and takes runs and models over HTTP."""
    (tmp_path / "notes.txt").write_text("kept")
    with tracking.resume({"run_id": run_id}, files=tmp_path) as run:
        run.artifact(tmp_path / "notes.txt")
    shown = f"{server}/get-artifact?path=notes.txt&run_uuid={run_id}"
    assert urllib.request.urlopen(shown, timeout=10).read() == b"kept"

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.chdir(Path(shutil.copytree(exported[0], tmp_path / "elsewhere")))
    for _ in range(2):
        with tracking.start("remote", "sms_gru", **START) as run:
            run.metrics({"val/loss": 0.5}, step=3)
            run.artifact(tmp_path / "notes.txt")
            record = run.record()
    with tracking.resume(record, files=tmp_path) as resumed:
        assert resumed.id == run.id
    assert entries.find("0" * 32) is None
    experiment_id = tracking.client().get_experiment_by_name("remote").experiment_id
    (read,) = tracking.client().search_runs([experiment_id])
    assert (read.info.run_id, read.info.status) == (run.id, "FINISHED")
    assert [file.path for file in tracking.client().list_artifacts(run.id)] == ["notes.txt"]
    version = tracking.register("remote", exported[0], run.id, **RESULT)
    assert tracking.register("remote", exported[0], run.id, **RESULT) == version
    tracking.promote("remote", version)
    assert tracking.champion("remote")["run_id"] == run.id
    fetched = tracking.saved_model(tracking.champion("remote"))
    assert registry._content(fetched) == registry._content(exported[0])
    model = mlflow.pyfunc.load_model("models:/remote@champion")
    assert model.predict(TEXTS)["label"].tolist() == LABELS
    assert not list((tmp_path / "elsewhere").glob("ml*"))
