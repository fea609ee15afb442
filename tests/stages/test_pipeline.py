"""Whole pipelines on a small copy of the project: what they leave on disk, in MLflow, behind."""

import csv
import io
import json
import os
import re
import signal
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipelines.config import loader
from pipelines.preprocessing import text_limits
from pipelines.spec import DataSpec
from pipelines.storage import arrays, trials
from tests.support.project import CNN, LETTERS, LSTM, PARAMS, STRONG, WORDS, marked, stages
from tests.support.sizes import nightly

pytestmark = pytest.mark.slow

# Appended to the module that fits: the second trial ends the process unless a file is there.
DIES_IN_THE_SECOND = """
_fit = fit
def fit(trial, *rest):
    if trial.repeat == 1 and not Path("second").exists():
        raise SystemExit(1)
    _fit(trial, *rest)
"""
ONE = "repeat0_seed1"  # the folder of the only trial
EPOCHS = {key: PARAMS["experiments"][key]["fit"]["epochs"] for key in (CNN, LSTM)}
DATA = {CNN: WORDS, LSTM: LETTERS}
EACH = pytest.mark.parametrize("key", [CNN, LSTM])
# What a server needs to know: a folder, a signature's name, nothing of this project.
SERVE = """
import json, sys
import tensorflow as tf
for folder, texts in json.load(sys.stdin):
    answer = tf.saved_model.load(folder).signatures["serving_default"](text=tf.constant(texts))
    values = {name: value.numpy().tolist() for name, value in answer.items()}
    values["label"] = [label.decode() for label in values["label"]]
    print(json.dumps(values))
assert not {"pipelines", "models", "mlflow"} & set(sys.modules)
"""
REGISTERED = """
import json, sys
import mlflow, pandas
texts = json.load(sys.stdin)
model = mlflow.pyfunc.load_model(f"models:/text_classification-tiny_words/{sys.argv[1]}")
frames = [model.predict(texts), model.predict(pandas.DataFrame({"text": texts}))]
for frame in frames:
    frame["probabilities"] = [row.tolist() for row in frame["probabilities"]]
    print(frame.to_json(orient="split", double_precision=15))
"""


def weights(path) -> dict[str, np.ndarray]:
    """Every array of a .keras file, by its place."""
    found = {}
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as stream:
        file = h5py.File(io.BytesIO(stream.read()))
        file.visititems(
            lambda name, item: found.update({name: item[()]} if hasattr(item, "shape") else {})
        )
    assert found
    return found


def spec(project, key) -> DataSpec:
    return DataSpec.load(project.path("data/prepared", DATA[key], "spec.json"))


def part(project, key, name) -> dict:
    return arrays.read(project.path("data/prepared", DATA[key], "repeat0", name))


def ended(project, where="") -> list[str]:
    return [run.info.status for run in project.runs(where)]


def leftovers(project) -> list[str]:
    return [path.name for path in project.path("data").rglob(".*") if path.name != ".gitignore"]


# What a run leaves on disk


def test_each_stage_ran_once(built):
    assert sorted(built.reproduced.ran) == sorted(
        [
            *(f"{stage}@{key}" for stage in ("prepare", "baselines") for key in (WORDS, LETTERS)),
            *stages(CNN, LSTM, *STRONG.values()),
        ]
    )
    assert "Traceback" not in built.reproduced.summary
    assert leftovers(built) == []
    assert built.git("status", "--porcelain") == ""


@EACH
def test_metrics_have_intervals_that_hold_the_point(built, key):
    values = built.json("data/metrics", f"{key}.json")
    groups = {name.split("/")[0] for name in values}
    baselines = {f"baseline_{name}" for name in ("majority", "tfidf_svm", "best")}
    assert groups == {"test", *baselines, "difference"}
    points = [name for name in values if not name.endswith(("_low", "_high"))]
    assert {name.removeprefix("test/") for name in points} > {"accuracy", "mcc", "log_loss"}
    for name in points:
        assert values[f"{name}_low"] <= values[name] <= values[f"{name}_high"], name
    for metric in ("accuracy", "mcc", "log_loss"):
        apart = values[f"test/{metric}"] - values[f"baseline_best/{metric}"]
        assert values[f"difference/{metric}"] == pytest.approx(apart, abs=1e-12)
    assert values["baseline_majority/mcc"] == 0


@EACH
def test_metrics_are_those_of_the_saved_predictions(built, key):
    test, train = (part(built, key, name) for name in ("test", "train"))
    saved = arrays.read(built.path("data/metrics", key, "scores", ONE, "predictions"))
    values = built.json("data/metrics", f"{key}.json")
    targets = np.asarray(test["label"])
    assert saved["probabilities"].shape == (len(targets), 2)
    assert saved["probabilities"].sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert values["test/accuracy"] == pytest.approx(np.mean(saved["predicted"] == targets))
    true = saved["probabilities"][np.arange(len(targets)), targets]
    assert values["test/log_loss"] == pytest.approx(-np.log(true).mean(), rel=1e-5)
    majority = np.bincount(np.asarray(train["label"])).argmax()
    assert values["baseline_majority/accuracy"] == pytest.approx(np.mean(targets == majority))


@EACH
def test_history_has_a_row_an_epoch(built, key):
    with built.path("data/trained", key, ONE, "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS[key] + 1))
    assert {"train/loss", "val/loss"} < set(rows[0])


def test_what_is_served_is_what_was_evaluated(built):
    """From a process that knows TensorFlow only: golden rows, and the whole test part."""
    folders = {key: built.path("data/exported", key) for key in (CNN, LSTM)}
    golden = {key: built.json(folders[key], "golden.json") for key in folders}
    asked = [
        [
            str(folders[key] / "model"),
            [*golden[key]["inputs"]["text"], *part(built, key, "test")["text"]],
        ]
        for key in folders
    ]
    answers = built.python("-c", SERVE, stdin=json.dumps(asked)).stdout.splitlines()
    for key, answer in zip(folders, map(json.loads, answers), strict=True):
        about, expected = built.json(folders[key], "signature.json"), golden[key]["outputs"]
        assert about["digest"] == arrays.digest(folders[key] / "model")
        assert about["run_id"] == built.record(key)["run_id"]
        labels = spec(built, key).labels
        assert about["labels"] == list(labels) == ["ham", "spam"]
        described = about["signatures"]["serving_default"]
        limit = text_limits.max_bytes(max(f.shape[0] for f in spec(built, key).inputs.values()))
        text = {"dtype": "string", "shape": [None], "kind": "text", "max_bytes": limit}
        assert described["inputs"] == {"text": text}
        assert described["outputs"]["probabilities"] == {
            "dtype": "float32", "shape": [None, 2], "kind": "probabilities",
        }  # fmt: skip
        assert set(described["outputs"]) == set(answer) == set(expected)
        assert set(answer) == {"label", "probability", "probabilities"}
        rows = len(golden[key]["inputs"]["text"])
        assert answer["label"][:rows] == expected["label"]
        for name in ("probability", "probabilities"):
            assert np.allclose(answer[name][:rows], expected[name], atol=1e-6)
        saved = arrays.read(built.path("data/metrics", key, "scores", ONE, "predictions"))
        assert np.allclose(answer["probabilities"][rows:], saved["probabilities"], atol=1e-6)
        assert answer["label"][rows:] == [labels[number] for number in saved["predicted"]]


@pytest.mark.parametrize("dataset", STRONG)
def test_a_classical_model_is_an_experiment_like_any_other(built, dataset):
    """Fitted, scored, drawn, served and registered; and it is the baseline of the networks."""
    key = STRONG[dataset]
    values = built.json("data/metrics", f"{key}.json")
    network = built.json("data/metrics", f"{CNN if dataset == WORDS else LSTM}.json")
    for metric in ("accuracy", "mcc", "log_loss"):
        assert values[f"test/{metric}"] == values[f"baseline_best/{metric}"]
        assert values[f"test/{metric}"] == network[f"baseline_best/{metric}"]
        assert values[f"difference/{metric}"] == 0
    trained = built.path("data/trained", key)
    assert sorted(path.name for path in (trained / ONE).iterdir()) == [
        "best_epoch.json", "decision.json", "estimator",
    ]  # fmt: skip
    assert built.record(key)["models"] == {ONE: arrays.digest(trained / ONE / "estimator")}
    for name in ("confusion", "ngrams"):
        folder = built.path("data/metrics", key, "plots", ONE, "figures")
        assert (folder / f"{name}.png").stat().st_size > 5000
    golden = built.json("data/exported", key, "golden.json")
    saved = arrays.read(built.path("data/metrics", key, "scores", ONE, "predictions"))
    rows = len(golden["outputs"]["label"])
    expected = golden["outputs"]["probabilities"]
    assert np.allclose(expected, saved["probabilities"][:rows], atol=1e-6)
    (run,) = built.runs(f"tags.stage_key = '{key}'")
    assert run.info.status == "FINISHED" and run.data.tags["backend"] == "numpy"
    assert float(run.data.tags["fit_seconds"]) > 0 and int(run.data.tags["parameters"]) > 0
    assert "fit" not in {name.split(".")[0] for name in run.data.params}
    assert run.data.metrics["val/mcc"] == built.json(trained, ONE, "best_epoch.json")["val/mcc"]


def test_the_champion_is_no_worse_than_the_classical_model(built):
    for dataset, key in STRONG.items():
        name = f"text_classification-{dataset}"
        champion = built.store().get_model_version_by_alias(name, "champion")
        strong = built.json("data/metrics", f"{key}.json")["test/mcc"]
        assert float(champion.tags["score"]) >= strong


def test_an_altered_classical_model_is_not_loaded(copy_of, built):
    project, key = copy_of(built), STRONG[WORDS]
    (path,) = project.path("data/trained", key, ONE, "estimator").glob("*/weights.npy")
    path.chmod(0o644)
    values = np.load(path)
    values[0] += 1
    path.unlink()  # it may be a link into the cache
    np.save(path, values)
    done = project.pipelines("evaluate", key, status=None)
    assert done.returncode == 2 and "error[model-changed]" in done.stderr


def test_an_interrupted_classical_training_keeps_its_finished_trials(copy_of, fresh):
    """With two repeats: the first one is fitted, then the process dies; it is not fitted again."""
    project, key = copy_of(fresh), STRONG[WORDS]
    with project.changed() as params:
        params["datasets"][WORDS]["options"]["split"] = {"repeats": 2, "test": 0.25}
    project.repro(f"prepare@{WORDS}")
    project.append("pipelines/training/estimator_fit.py", DIES_IN_THE_SECOND)
    assert project.pipelines("train", key, status=None).returncode != 0
    (project.folder / "second").touch()
    done = project.pipelines("train", key)
    assert f"{key}/repeat0_seed1: fitted before" in done.stdout
    assert sorted(project.record(key)["models"]) == ["repeat0_seed1", "repeat1_seed1"]
    assert set(ended(project)) == {"FINISHED"}
    assert len(project.runs()) == 3


# What a run leaves in MLflow


def test_one_finished_run_an_experiment(built):
    found = {run.info.run_name: run for run in built.runs()}
    assert len(built.runs()) == 4 and set(found) == {CNN, LSTM, *STRONG.values()}
    for key, run in found.items():
        assert run.info.status == "FINISHED"
        assert run.info.run_id == built.record(key)["run_id"]
        assert run.info.start_time < run.info.end_time
        assert built.store().get_experiment(run.info.experiment_id).name == "text_classification"


@EACH
def test_run_holds_what_was_chosen_and_what_came_out(built, key):
    (run,) = built.runs(f"tags.stage_key = '{key}'")
    experiment = loader.load(built.path("params.yaml")).experiments[key]
    assert run.data.params["fit.learning_rate"] == str(experiment.fit.learning_rate)
    assert run.data.params["build.builder"] == experiment.build["builder"]
    assert run.data.params["seeds"] == "[1]"
    unit = {CNN: "word", LSTM: "character"}[key]
    assert run.data.params[f"data.options.inputs.{unit}.max_tokens"] == "16"
    values = built.json("data/metrics", f"{key}.json")
    results = {name: value for name, value in run.data.metrics.items() if name in values}
    assert results == {name: values[name] for name in results}
    assert {"test/accuracy", "test/mcc", "baseline_best/mcc", "difference/mcc_low"} < set(results)
    assert len(run.data.metrics) <= 40
    assert built.json("data/metrics", key, "headline.json") == {
        name: values[name] for name in ("test/accuracy", "test/mcc")
    }
    with built.path("data/trained", key, ONE, "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in set(rows[0]) - {"epoch"}:
        curve = built.store().get_metric_history(run.info.run_id, name)
        drawn = sorted((point.step, point.value) for point in curve)
        assert drawn == [(int(row["epoch"]), float(row[name])) for row in rows], name


@EACH
def test_run_says_where_it_comes_from(built, key):
    (run,) = built.runs(f"tags.stage_key = '{key}'")
    tags = run.data.tags
    assert tags["git_commit"] == built.git("rev-parse", "HEAD~1")  # HEAD added dvc.lock
    assert tags["git_dirty"] == "false"
    assert tags["DVC_STAGE"] == f"train@{key}"
    assert tags["backend"] == "tensorflow"
    assert set(spec(built, key).digests) == {f"repeat0/{part}" for part in ("train", "val", "test")}
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.name == DATA[key]
    assert len(tags["data_digest"]) == 64 and tags["data_digest"].startswith(used.dataset.digest)
    assert json.loads(used.dataset.source) == {"uri": "tiny.csv"}
    assert int(tags["parameters"]) == sum(
        array.size
        for place, array in weights(built.path("data/trained", key, ONE, "model.keras")).items()
        if not place.startswith("optimizer") and "seed_generator" not in place
    )


@EACH
def test_run_holds_the_figures(built, key):
    (run,) = built.runs(f"tags.stage_key = '{key}'")
    root = built.path("mlruns/text_classification", run.info.run_id, "artifacts")
    assert (root / "plots/figures/training.png").stat().st_size > 5000
    for name in ("confusion", "calibration"):
        assert list((root / "plots" / ONE / "figures").glob(f"*{name}*.png")), name
    # The same files that DVC keeps: none lost, none added.
    kept = built.path("data/metrics", key)
    there, here = (
        {file.relative_to(top): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        for top in (root, kept)
    )
    prepared = built.path("data/prepared", DATA[key])
    for report in ("report.json", "report.txt"):
        here[Path("data_report", report)] = (prepared / report).read_bytes()
    for name in ("model.keras", "history.csv", "best_epoch.json", "decision.json"):
        here[Path("trained", ONE, name)] = built.path("data/trained", key, ONE, name).read_bytes()
    for name in ("signature.json", "golden.json"):
        here[Path("exported", name)] = built.path("data/exported", key, name).read_bytes()
    assert there == here


def test_registered_models_answer_through_mlflow(built):
    """A list or a column of texts, with nothing pickled."""
    environ = {
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_TRACKING_URI": f"sqlite:///{built.path('mlflow.db')}",
    }
    numbers = {}
    for key in (CNN, LSTM):
        name = f"text_classification-{DATA[key]}"
        versions = built.store().search_model_versions(f"name = '{name}'")
        of_runs = {version.run_id: version for version in versions}
        experiments = (key, STRONG[DATA[key]])
        assert set(of_runs) == {built.record(name)["run_id"] for name in experiments}
        version = of_runs[built.record(key)["run_id"]]
        values = built.json("data/metrics", key, "scores", ONE, "scores.json")
        assert float(version.tags["score"]) == values["test/mcc"]
        numbers[key] = version.version
    golden = built.json("data/exported", CNN, "golden.json")
    asked = json.dumps(golden["inputs"]["text"])
    done = built.python("-c", REGISTERED, str(numbers[CNN]), stdin=asked, environ=environ)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(frames) == 2
    for frame in frames:
        answer = dict(zip(frame["columns"], zip(*frame["data"], strict=True), strict=True))
        assert list(answer["label"]) == golden["outputs"]["label"]
        for name in ("probability", "probabilities"):
            assert np.allclose(answer[name], golden["outputs"][name], atol=1e-6)


def test_report_has_a_row_for_each_experiment_and_metric(built):
    head, *lines = (
        re.split(r"\s{2,}", line)
        for line in built.pipelines("report").stdout.split("\n\n")[0].splitlines()
    )
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    assert [(row["experiment"], row["metric"]) for row in rows] == [
        (key, metric) for key in PARAMS["experiments"] for metric in ("accuracy", "mcc")
    ]
    for row in rows:
        values = built.json("data/metrics", f"{row['experiment']}.json")
        names = (f"test/{row['metric']}{bound}" for bound in ("", "_low", "_high"))
        assert row["model"] == "{:.4f} [{:.4f}, {:.4f}]".format(*(values[name] for name in names))


# Trials


def test_replicates_are_children_of_one_run(copy_of, fresh):
    project = copy_of(fresh)
    with project.changed() as params:
        params["datasets"][WORDS]["options"]["split"] = {"repeats": 2, "test": 0.25}
        params["experiments"][CNN]["seeds"] = [1, 2]
        params["experiments"][CNN]["fit"]["epochs"] = 1
        del params["experiments"][LSTM]
    assert sorted(project.repro(f"evaluate@{CNN}")) == [
        *(f"baselines@{WORDS}", f"evaluate@{CNN}", f"prepare@{WORDS}", f"train@{CNN}"),
        f"train@{STRONG[WORDS]}",
    ]
    names = [f"repeat{split}_seed{seed}" for split in (0, 1) for seed in (1, 2)]
    parent, *children = [run for run in project.runs() if run.info.run_name.startswith(CNN)]
    assert [run.info.status for run in (parent, *children)] == ["FINISHED"] * 5
    assert parent.info.run_id == project.record(CNN)["run_id"]
    assert [run.info.run_name for run in children] == [f"{CNN}/{name}" for name in names]
    values, points = project.json("data/metrics", f"{CNN}.json"), []
    for name, child in zip(names, children, strict=True):
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert (child.data.params["repeat"], child.data.params["seed"]) == (name[6], name[-1])
        assert {"train/loss", "val/loss"} < set(child.data.metrics)
        scores = project.json("data/metrics", CNN, "scores", name, "scores.json")
        tracked = project.json("data/metrics", CNN, "scores", name, "tracked.json")
        assert tracked.items() <= scores.items() and tracked.items() <= child.data.metrics.items()
        files = project.path("mlruns/text_classification", child.info.run_id, "artifacts")
        kept = {path.name for path in files.rglob("*") if path.is_file()}
        assert {"model.keras", "history.csv", "decision.json", "predicted.npy"} < kept
        points.append(scores["test/log_loss"])
    assert len(set(points)) == 4, "four different fits"
    assert values["test/log_loss"] == pytest.approx(np.mean(points))
    assert values["test/log_loss_sd"] == pytest.approx(np.std(points, ddof=1))
    tracked = project.json("data/metrics", CNN, "scores/tracked.json")
    assert tracked.items() <= values.items() and tracked.items() <= parent.data.metrics.items()
    rows = project.pipelines("report").stdout.split("\n\n")[0].splitlines()
    assert len(rows) == 3 and all(" sd " in row for row in rows[1:])
    assert [trial.name for trial in trials.of(spec(project, CNN), [1, 2])] == names


# The same either way


@nightly
def test_same_results_without_the_fork_server(copy_of, fresh, built, environ):
    """Plain `dvc repro`, by whatever `python3` is on the PATH: each stage finds the .venv."""
    project = copy_of(fresh)
    project.environ = {**environ, "PATH": os.defpath + os.pathsep + environ["PATH"]}
    project.dvc("repro", f"export@{CNN}")
    for path in (
        *(f"data/trained/{CNN}/{ONE}/{name}" for name in ("history.csv", "decision.json")),
        f"data/metrics/{CNN}.json",
    ):
        assert project.path(path).read_bytes() == built.path(path).read_bytes(), path
    golden = f"data/exported/{CNN}/golden.json"  # TensorFlow names outputs in any order
    assert project.json(golden) == built.json(golden)
    own, served = (
        weights(place.path("data/trained", CNN, ONE, "model.keras")) for place in (project, built)
    )
    assert own.keys() == served.keys()
    for place in own:
        assert np.array_equal(own[place], served[place]), place


def test_train_does_without_the_test_part(copy_of, built):
    project = copy_of(built)
    for file in project.path("data/prepared", WORDS, "repeat0/test").iterdir():
        file.unlink()
    project.pipelines("train", CNN)
    path = ("data/trained", CNN, ONE, "model.keras")
    again, before = weights(project.path(*path)), weights(built.path(*path))
    assert all(np.array_equal(again[place], before[place]) for place in before)
    assert project.pipelines("evaluate", CNN, status=None).returncode != 0


# What goes wrong


def one_line(done, stage: str, told: str) -> None:
    """The stage's own words, once, and DVC's; nothing that only its authors can read."""
    assert "Traceback" not in done.summary
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error[")]
    assert re.search(told, line), line
    assert f"failed to reproduce '{stage}'" in done.stderr


def test_broken_source_is_refused_by_prepare(copy_of, built):
    project = copy_of(built)
    project.append("tiny.csv", "spam,win,again\n")
    done = project.dvc("repro", f"export@{CNN}", status=None)
    assert done.returncode != 0
    assert done.ran == [f"prepare@{WORDS}"]
    one_line(done, f"prepare@{WORDS}", r"tiny\.csv, line \d+: 3 columns found, 2 expected")
    assert not project.path("data/prepared", WORDS).exists()
    assert leftovers(project) == []


def test_diverging_fit_fails_and_leaves_no_output(copy_of, built):
    project = copy_of(built)
    with project.changed() as params:
        params["experiments"][CNN]["fit"]["learning_rate"] = 1e38
    done = project.dvc("repro", f"export@{CNN}", status=None)
    assert done.returncode != 0
    assert done.ran == [f"train@{CNN}"]
    one_line(done, f"train@{CNN}", r"no longer a finite number.*lower fit\.learning_rate")
    assert not project.path("data/trained", CNN).exists()
    assert leftovers(project) == []
    (run,) = project.runs()
    assert run.info.status == "FAILED"
    assert "no longer a finite number" in run.data.tags["ended_because"]


@pytest.mark.parametrize(
    ("send", "signum"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)]
)
def test_interrupted_pipeline_leaves_nothing_behind(copy_of, built, environ, mark, send, signum):
    """Ctrl-C reaches all that was started; a supervisor signals the launcher alone.

    (DVC ignores a SIGINT that is sent to it alone while it waits for a stage.)
    """
    project = copy_of(built)
    project.environ = environ
    with project.changed() as params:
        params["experiments"][CNN]["fit"]["epochs"] = 1_000_000
    command = (*("-m", "pipelines.runtime.forkserver", sys.executable), *("-m", "dvc", "repro"))
    with project.path("output").open("w") as output:
        launcher = project.popen(
            *(sys.executable, *command, f"train@{CNN}"),
            environ={"TEST_MARK": mark},
            start_new_session=True,
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: "epoch 3/" in project.path("output").read_text(), 90)
        assert ended(project) == ["RUNNING"]
        send(launcher.pid, signum)
        assert launcher.wait(timeout=30) != 0
        until(lambda: marked(mark) == [], 10)
    finally:
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)
        launcher.wait(timeout=10)
    assert ended(project) == ["KILLED"]
    assert not project.path("data/trained", CNN).exists()
    assert leftovers(project) == []
    assert project.repro(f"train@{LSTM}") == [], "DVC is left unlocked"


@pytest.mark.parametrize("seeds", [pytest.param([1], marks=nightly), [1, 2]])
def test_a_killed_training_goes_on_in_its_own_run(copy_of, built, environ, mark, seeds):
    """kill -9 in the middle of the last fit; then the same command, and nothing shows of it."""
    project = copy_of(built)
    project.environ = environ
    with project.changed() as params:
        params["experiments"][CNN] |= {"seeds": seeds}
        params["experiments"][CNN]["fit"]["epochs"] = 40
    # An epoch is told before it is kept: after the sixth's line, five of them are sure to be.
    last = f"{CNN}/repeat0_seed{seeds[-1]}: epoch 6/" if len(seeds) > 1 else f"{CNN}: epoch 6/"
    with project.path("output").open("w") as output:
        process = project.popen(
            *(sys.executable, "-m", "dvc", "repro", f"train@{CNN}"),
            environ={"TEST_MARK": mark}, stdout=output, stderr=output,
        )  # fmt: skip
    until(lambda: last in project.path("output").read_text(), 90)
    for pid in marked(mark):
        os.kill(pid, signal.SIGKILL)
    process.wait(timeout=10)
    begun = {run.info.run_id for run in project.runs()}

    project.environ = built.environ  # with a fork server, whose children have no mark
    done = project.dvc("repro", f"train@{CNN}")
    told = [line for line in done.stdout.splitlines() if ": epoch " in line]
    assert told and not any(f": epoch {n}/" in line for n in range(1, 6) for line in told)
    assert {run.info.run_id for run in project.runs()} == begun, "each goes on in its own run"
    assert set(ended(project)) == {"FINISHED"}
    for run in project.runs():
        for metric in set(run.data.metrics) & {"train/loss", "val/loss"}:
            points = project.store().get_metric_history(run.info.run_id, metric)
            assert [point.step for point in points] == [*range(1, 41)]
    assert not project.path("data/unfinished", CNN).exists()
    ours = trained(project)
    assert len(ours) == 4 * len(seeds)
    project.dvc("repro", "--force", "--single-item", f"train@{CNN}")
    assert trained(project) == ours, "as if nothing had happened"
    assert begun.isdisjoint(run.info.run_id for run in project.runs())


def trained(project) -> dict[str, bytes]:
    """What training has left, but for the names of its runs."""
    folder = project.path("data/trained", CNN)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.*")
        if path.name != "run.json"
    }


def until(condition, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(0.05)
