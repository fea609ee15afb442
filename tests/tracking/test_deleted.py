"""What a person deletes in MLflow's page or with `mlflow gc`; the next stage works all the same."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines import tracking
from pipelines.commands import restore
from pipelines.tracking import entries, registry, store

IDENTITY = {"code": "c", "data": "d", "params": "p"}
OPTIONS = {"params": {"units": 2}, "tags": {}, "dataset": None}
TRAINED = Path("data/trained/tiny")


def train(code: str = "c", **more) -> dict:
    """One training, whose record is in data/trained."""
    with tracking.start("task", "tiny", identity=IDENTITY | {"code": code}, **OPTIONS, **more) as r:
        r.metrics({"val/loss": 0.5})
        record = r.record()
    TRAINED.mkdir(parents=True, exist_ok=True)
    (TRAINED / "run.json").write_text(json.dumps(record))
    return record


def delete_experiment() -> None:
    client = tracking.client()
    client.delete_experiment(client.get_experiment_by_name("task").experiment_id)


def active() -> set[str]:
    runs = store.all_runs(tracking.client(), "", store.ViewType.ACTIVE_ONLY)
    return {run.info.run_id for run in runs}


@pytest.fixture
def record(tracked_folder):
    return train()


def test_training_restores_its_experiment_and_no_other_run(record, capsys):
    delete_experiment()
    second = train("changed")
    assert active() == {second["run_id"]}
    assert "experiment task" in capsys.readouterr().out
    train("again")
    assert "experiment task" not in capsys.readouterr().out


def test_evaluate_continues_the_run_of_a_deleted_experiment(record):
    other = train("other")
    delete_experiment()
    with tracking.resume(record, files=TRAINED) as run:
        run.metrics({"test/accuracy": 0.5})
        assert run.id == record["run_id"]
    assert active() == {record["run_id"]} and other["run_id"] not in active()


def test_interrupted_training_in_a_deleted_experiment_starts_again(record):
    delete_experiment()
    assert train(begun=record["run_id"])["run_id"] != record["run_id"]


def test_restore_brings_the_runs_at_hand_back(record):
    delete_experiment()
    assert not restore.is_complete()
    restore.run(Path("params.yaml"))
    assert active() == {record["run_id"]} and restore.is_complete()


def test_a_rebuilt_run_in_a_deleted_experiment_is_not_rebuilt_twice(record):
    lost = record | {"run_id": "0" * 32}
    (TRAINED / "run.json").write_text(json.dumps(lost))
    (rebuilt,) = tracking.restore_all(Path())
    delete_experiment()
    assert entries.find(lost["run_id"]).info.run_id == rebuilt["run_id"]
    restore.run(Path("params.yaml"))
    assert rebuilt["run_id"] in active() and restore.is_complete()


def test_a_renamed_experiment(record):
    client = tracking.client()
    experiment_id = client.get_experiment_by_name("task").experiment_id
    client.rename_experiment(experiment_id, "mine")
    with tracking.resume(record, files=TRAINED) as run:
        assert run.id == record["run_id"]
    assert train("changed")["run_id"] != record["run_id"]


@pytest.fixture
def exported(tmp_path) -> Path:
    """Files as of a SavedModel: nothing here loads them."""
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    return folder


RESULT = {"key": "tiny", "score": 0.9, "better": "higher", "test_digest": "t" * 64}


@pytest.mark.parametrize("deleted", ["version", "model", "files"])
def test_a_deleted_model_is_registered_again(record, exported, deleted):
    client = tracking.client()
    first = tracking.register("tiny", exported, record["run_id"], **RESULT)
    tracking.promote("tiny", first)
    if deleted == "version":
        client.delete_model_version("tiny", first)
    elif deleted == "model":
        client.delete_registered_model("tiny")
    else:
        shutil.rmtree(Path("mlruns/task/models"))
    second = tracking.register("tiny", exported, record["run_id"], **RESULT)
    assert (second == first) == (deleted == "model")
    tracking.promote("tiny", second)
    path = tracking.saved_model(tracking.champion("tiny"))
    assert (path / "saved_model.pb").read_bytes() == b"graph"
    assert tracking.register("tiny", exported, record["run_id"], **RESULT) == second


def test_a_champion_that_was_registered_by_hand(record, exported):
    client = tracking.client()
    client.create_registered_model("tiny")
    version = client.create_model_version("tiny", str(exported.resolve()), record["run_id"]).version
    client.set_registered_model_alias("tiny", registry.ALIAS, version)
    champion = tracking.champion("tiny")
    assert champion["version"] == str(version)
    assert {champion[name] for name in registry.TAGS} == {None}
    with pytest.raises(registry.UserError) as error:
        tracking.saved_model(champion)
    assert error.value.code == "model-unverified"
    assert error.value.key == f"model tiny version {version}"


@pytest.mark.parametrize("score", [None, "", "good", "nan", "inf", "0,9"])
def test_a_score_that_was_changed_by_hand(record, exported, score):
    version = tracking.register("tiny", exported, record["run_id"], **RESULT)
    tracking.promote("tiny", version)
    client = tracking.client()
    if score is None:
        client.delete_model_version_tag("tiny", version, "score")
    else:
        client.set_model_version_tag("tiny", version, "score", score)
    champion = tracking.champion("tiny")
    assert champion["score"] is None and champion["test_digest"] == RESULT["test_digest"]
    assert tracking.saved_model(champion).is_dir()


def test_a_champion_whose_files_are_gone(record, exported):
    tracking.promote("tiny", tracking.register("tiny", exported, record["run_id"], **RESULT))
    shutil.rmtree(Path("mlruns/task/models"))
    with pytest.raises(registry.UserError) as error:
        tracking.saved_model(tracking.champion("tiny"))
    assert error.value.code == "model-missing"
