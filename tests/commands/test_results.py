"""Every number on a page comes from a run: README.md and benchmarks/RESULTS.md against their rows,
the rows against metrics files, and those against MLflow."""

import functools
import json
import re
from pathlib import Path

import pytest

from pipelines.commands import report, results
from pipelines.config import loader, signatures
from pipelines.config.errors import UserError
from pipelines.evaluation import comparison, reported
from pipelines.tasks.contract import TaskInfo
from tests.support.defaults import replaced

PARAMS = """
seed: 1
datasets:
  sms: &texts
    recipe: text_csv
    source: in/messages.csv
    options:
      inputs: {words: {granularity: word, vocabulary_size: 100, max_tokens: 20}}
      positive: spam
  reviews: *texts
downloads: {}
warm_starts: {}
baselines:
  sms: {task: text_classification, dataset: sms, strong: sms_linear}
  reviews: {task: text_classification, dataset: reviews, strong: reviews_linear}
experiments:
  sms_linear: &linear
    task: text_classification
    dataset: sms
    module: classical/linear_text
    build: {builder: linear_text}
  reviews_linear: {<<: *linear, dataset: reviews}
  spam_cnn: &cnn
    task: text_classification
    dataset: sms
    module: text_cnn
    build: {builder: text_cnn}
    fit: {epochs: 1, batch_size: 32, learning_rate: 1.0e-3, patience: null}
  reviews_cnn: {<<: *cnn, dataset: reviews}
"""
PAGES = [(params, *pair) for params, pair in results.PAGES.items()]
# The course's params file cannot be read without the data sets of the root's.
READABLE = [page for page in PAGES if not (replaced() and page[0] == "course/params.yaml")]


@pytest.mark.parametrize(("params", "page", "file"), PAGES)
def test_page_shows_exactly_the_rows_of_its_file(params, page, file):
    values = json.loads(file.read_text("utf-8"))
    text = page.read_text("utf-8")
    block = text.split(results.BEGIN, 1)[1].split(results.END, 1)[0]
    assert block.strip() == results.render(values).strip()


@pytest.mark.parametrize(("params", "page", "file"), PAGES)
def test_every_row_names_its_runs(params, page, file):
    rows = json.loads(file.read_text("utf-8"))["rows"]
    assert rows
    for row in rows:
        for run_id in row["run_ids"]:
            assert re.fullmatch("[0-9a-f]{32}", run_id), row
        assert len(row["run_ids"]) == row["fits"] + (row["fits"] > 1)
        assert f"`{row['run_ids'][0][:8]}`" in page.read_text("utf-8")
        if row["low"] is None:
            assert row["high"] is None and without_interval(params, row["experiment"]), row
        else:
            assert row["low"] <= row["mean"] <= row["high"], row


@pytest.mark.parametrize(("params", "page", "file"), READABLE)
def test_results_can_be_made_again_and_traced_to_mlflow(params, page, file):
    """What is evaluated here lies in the page's interval, and MLflow has the same number."""
    tracking = pytest.importorskip("pipelines.tracking")
    shown = {
        (row["experiment"], row["metric"]): row
        for row in json.loads(file.read_text("utf-8"))["rows"]
    }
    more = {row["dataset"]: {metric for _, metric in shown} for row in shown.values()}
    found = [
        row
        for row in report.rows(Path(params), more)
        if (row["experiment"], row["metric"]) in shown
    ]
    if not found:
        pytest.skip(f"nothing of {params} has been run here; `dvc repro` first")
    for row in found:
        run = tracking.client().get_run(row["run_ids"][0])
        assert run.data.metrics[f"test/{row['metric']}"] == pytest.approx(row["mean"], abs=1e-12)
        page_row = shown[row["experiment"], row["metric"]]
        if page_row["low"] is None:
            assert row["mean"] == pytest.approx(page_row["mean"], rel=0.02)
        else:
            assert page_row["low"] <= row["mean"] <= page_row["high"]


@pytest.fixture
def params_file(tmp_path) -> Path:
    """Experiments of these tests, whatever the user's are."""
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


@functools.cache
def loaded(params: str):
    return loader.load(Path(params))


def without_interval(params: str, experiment: str) -> bool:
    """Whether test has too few windows for an interval: four blocks of two horizons are needed."""
    params_values = loaded(params)
    dataset = params_values.datasets[params_values.dataset_of(experiment)]
    if params_values.experiments[
        experiment
    ].task != "forecasting" or "test" not in dataset.options.get("split", {}):
        return False
    horizon = dataset.options["horizon_steps"]
    return dataset.options["split"]["test"] - horizon + 1 < 8 * horizon


@pytest.mark.parametrize(("text", "low"), [("0.5000 [0.4000, 0.6000]", 0.4), ("0.5000", None)])
def test_brackets_stand_only_where_there_is_an_interval(text, low):
    row = {"mean": 0.5, "low": low, "high": low and 0.6, "sd": None}
    assert comparison.interval(row, "mean") == text


@pytest.mark.parametrize(("metric", "best"), [("accuracy", 0.92), ("log_loss", 0.2), ("mcc", None)])
def test_the_best_published_number_is_of_the_same_protocol(metric, best):
    rows = [
        {"metrics": {"accuracy": 0.9, "log_loss": 0.3}},
        {"metrics": {"accuracy": 0.92, "log_loss": 0.2}},
        {"metrics": {"accuracy": 0.99, "log_loss": 0.1, "mcc": 0.9}, "comparable": False},
    ]
    row = {"task": "image_classification", "metric": metric}
    assert results.best_published(rows, row) == best


def test_a_metric_that_others_published_is_shown_for_their_data_set_alone(
    tmp_path, params_file, monkeypatch
):
    """Recall of spam says nothing about film reviews."""
    trained_, metrics = tmp_path / "trained", tmp_path / "metrics"
    for name, folder in (("TRAINED", trained_), ("METRICS", metrics)):
        monkeypatch.setattr(report, name, folder)
    values = {"mcc": 0.7, "accuracy": 0.8, "recall": 0.9, "f1": 0.6}
    groups = ("test", "baseline_majority", "baseline_best")
    scores = {f"{group}/{name}": value for group in groups for name, value in values.items()}
    tags = {"parameters": "1", "fit_seconds": "1", "backend": "jax"}
    about = {"run_id": "r", "tags": tags, "params": {"seeds": "[1]"}}
    for key in ("spam_cnn", "reviews_cnn"):
        (trained_ / key).mkdir(parents=True)
        (trained_ / key / "run.json").write_text(json.dumps(about))
        metrics.mkdir(exist_ok=True)
        (metrics / f"{key}.json").write_text(json.dumps(scores))
    found = report.rows(params_file, {"sms": ["recall", "unheard_of"]})
    assert {row["metric"] for row in found if row["dataset"] == "sms"} == {
        "accuracy", "mcc", "recall",
    }  # fmt: skip
    assert {row["metric"] for row in found if row["dataset"] == "reviews"} == {"accuracy", "mcc"}


LOCK = """
stages:
  train@spam_cnn:
    outs: [{path: data/trained/spam_cnn, md5: 1.dir}]
  evaluate@spam_cnn:
    outs: [{path: data/metrics/spam_cnn.json, md5: 2}, {path: data/metrics/spam_cnn/plots, md5: 3}]
"""


@pytest.fixture
def elsewhere(tmp_path, params_file):
    """A params file whose experiment was run on another machine: its lock and its page's rows."""
    (tmp_path / "dvc.lock").write_text(LOCK.replace("md5: 2", "md5: 'aa'"))
    rows = [{"experiment": "spam_cnn", "metrics_md5": "aa"}, {"experiment": "gone"}]
    (tmp_path / "results.json").write_text(json.dumps({"rows": rows}))
    return params_file, tmp_path / "results.json"


def test_rows_that_were_measured_elsewhere_stand_while_the_lock_has_their_metrics(elsewhere):
    bilstm = {"experiment": "spam_bilstm"}
    assert [row["experiment"] for row in results.carried_rows(*elsewhere, [bilstm])] == ["spam_cnn"]
    assert not results.carried_rows(*elsewhere, [{"experiment": "spam_cnn"}])


@pytest.mark.parametrize("lock", [LOCK, "stages: {}", None])
def test_a_row_from_other_metrics_than_the_lock_has_is_not_silently_kept_or_lost(elsewhere, lock):
    file = elsewhere[0].with_name("dvc.lock")
    file.write_text(lock) if lock else file.unlink()
    with pytest.raises(UserError) as error:
        results.carried_rows(*elsewhere, [{"experiment": "spam_bilstm"}])
    assert (error.value.code, error.value.value) == ("row-stale", ["spam_cnn"])
    assert error.value.path == str(elsewhere[1])


@pytest.mark.parametrize(("params", "page", "file"), READABLE)
def test_every_row_is_of_metrics_here_or_of_those_in_the_lock(params, page, file):
    results.carried_rows(Path(params), file, report.rows(Path(params)))


def test_markers_are_needed(tmp_path):
    with pytest.raises(UserError) as error:
        results.embedded("no markers", "block", tmp_path / "README.md")
    assert error.value.code == "marker-missing"
    assert error.value.path == str(tmp_path / "README.md")


def test_text_around_the_markers_stays():
    text = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    expected = f"before\n{results.BEGIN}\nnew\n{results.END}\nafter\n"
    assert results.embedded(text, "new", Path("README.md")) == expected


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [(0.98765, "", "0.9877"), (93.456, "", "93.46"), (0.5, "+", "+0.5000"), (None, "", "-")],
)
def test_numbers(value, sign, text):
    assert comparison.number(value, sign) == text


@pytest.mark.parametrize(
    ("low", "high", "direction", "verdict"),
    [
        (0.01, 0.02, "higher", "better"),
        (0.01, 0.02, "lower", "worse"),
        (-0.02, -0.01, "higher", "worse"),
        (-0.02, -0.01, "lower", "better"),
        (-0.01, 0.02, "lower", "even"),
        (0.0, 0.02, "higher", "even"),
        (None, None, "higher", ""),
    ],
)
def test_the_verdict_is_that_of_the_whole_interval(low, high, direction, verdict):
    values = {"difference/mase_low": low, "difference/mase_high": high}
    assert comparison.verdict(values, "mase", direction) == verdict


def test_every_reported_metric_has_its_direction():
    less = {
        (task, metric)
        for task in ("text_classification", "image_classification", "forecasting", "translation")
        for metric in loader.task_module(task, "reporting").REPORTED_METRICS
        if loader.task_info(task).direction(metric.replace("*", "x")) == "lower"
    }
    assert less == {
        ("image_classification", "log_loss"), ("forecasting", "mase"), ("forecasting", "mae_*"),
    }  # fmt: skip


def test_the_trivial_baseline_is_the_declared_one_whatever_the_order(
    tmp_path, params_file, monkeypatch
):
    monkeypatch.setattr(report, "TRAINED", tmp_path)
    monkeypatch.setattr(report, "METRICS", tmp_path)
    tags = {"parameters": "1", "fit_seconds": "1", "backend": "jax"}
    run = {"run_id": "r", "tags": tags, "params": {"seeds": "[1]"}}
    groups = ("test", "baseline_nb_svm", "baseline_best", "baseline_majority")
    values = {f"{group}/mcc": number / 10 for number, group in enumerate(groups)}
    (tmp_path / "spam_cnn.json").write_text(json.dumps(values))
    _, experiment = loader.experiment(params_file, "spam_cnn")
    for order in (values, dict(reversed(values.items()))):
        row = report.row("spam_cnn", experiment, "sms", "mcc", order, run)
        assert (row["trivial_name"], row["trivial"]) == ("majority", 0.3)


def test_reported_metrics_leave_out_what_many_columns_have_each():
    few = ["test/mase", "test/mae_a_m", "test/mae_b_s", "test/mae_b_s_low", "baseline/mase"]
    assert reported.reported_metrics("forecasting", few) == ["mase", "mae_a_m", "mae_b_s"]
    many = [*few, "test/mae_c_m", "test/mae_d_m"]
    assert reported.reported_metrics("forecasting", many) == ["mase"]


def scores_of(*metrics: str) -> dict[str, float]:
    """A metrics file of three trials, with a column for each of many metrics."""
    groups = ("test", "test_unseen", "baseline_best", "baseline_hog_svm", "baseline_majority")
    bounds = ("", "_low", "_high", "_sd")
    names = [f"{name}{bound}" for name in metrics for bound in bounds]
    return {f"{group}/{name}": 0.5 for group in (*groups, "difference") for name in names}


@pytest.mark.parametrize("metrics", [("accuracy", "mcc"), ("mcc", *(f"m{n}" for n in range(60)))])
def test_mlflow_gets_the_headline_first_and_few_scores(metrics):
    values = scores_of(*metrics)
    tracked = reported.tracked("text_classification", values)
    assert len(tracked) <= reported.MAX_TRACKED < len(values)
    assert {"test/mcc", "test/mcc_low", "baseline_best/mcc", "difference/mcc"} <= set(tracked)
    assert next(iter(tracked)).startswith("test/")
    assert set(reported.headline("text_classification", values)) == {
        f"test/{name}" for name in metrics if name in ("accuracy", "mcc")
    }


ROW = {
    "experiment": "spam_cnn", "metric": "mcc", "dataset": "sms", "method": "text_cnn.text_cnn",
    "mean": 0.75, "low": 0.5, "high": 0.875, "sd": None, "baseline": 0.5, "baseline_low": 0.25,
    "baseline_high": 0.75,
    "baseline_sd": None, "baseline_name": "nb_svm", "difference": 0.25, "difference_low": 0.125,
    "difference_high": 0.375, "difference_sd": None, "verdict": "better", "trivial": 0.0,
    "trivial_name": "majority", "params": 1000, "seconds": 2.0, "run_ids": ["0123456789"],
    "git_commit": "89abcdef", "findings": ["constant-column: one value"],
}  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 120, 10**6])
def test_the_table_fits_the_terminal(width):
    lines = report.fitted([ROW], width).splitlines()
    assert max(map(len, lines)) <= width
    assert "0.7500" in lines[1] and "better" in lines[1]
    assert ("01234567" in lines[1]) == (width == 10**6)


def test_the_table_has_what_may_hurt_in_the_data_once_a_data_set():
    assert report.footnotes([ROW, ROW, {**ROW, "dataset": "b", "findings": []}]) == [
        "sms: constant-column: one value"
    ]
    values = {"rows": [{**ROW, "backend": "jax", "machine": "m"}], "published": {}, "targets": []}
    page = results.render({**values, "machine": {"date": "2026-11-28"}})
    assert page.count("constant-column") == 1


def test_each_task_declares_what_it_is_judged_by_and_what_is_reported():
    for folder in (signatures.ROOT / "pipelines" / "tasks").glob("*/info.py"):
        task = folder.parent.name
        info, reporting = loader.task_info(task), loader.task_module(task, "reporting")
        assert isinstance(info, TaskInfo)
        assert info.strong_baseline != reporting.TRIVIAL_BASELINE
        assert all(isinstance(metric, str) for metric in reporting.REPORTED_METRICS)
