"""Every task folder fulfils the contract; so does the toy task of an extension package."""

import inspect

import numpy as np
import pytest

from pipelines.config import loader, search_path, signatures, task_fit
from pipelines.preparation import validation
from pipelines.tasks import protocols
from pipelines.tasks.contract import TaskInfo
from pipelines.training.batches import FEEDS
from pipelines.training.monitor import Monitor

TASKS = ["tagging", *sorted(search_path.names("tasks"))]


@pytest.fixture(autouse=True)
def extension(monkeypatch):
    monkeypatch.setenv(search_path.VARIABLE, "tests.tasks.toy")


def module(task: str, name: str):
    folder = search_path.file("tasks", task)
    if not (folder / f"{name}.py").is_file():
        pytest.fail(f"{task} has no {name}.py")
    return loader.task_module(task, name)


def parameters(function) -> list[str]:
    """Names of those without a default, without `self` and keyword-only ones."""
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind is not parameter.KEYWORD_ONLY
    ]


def test_the_tasks_are_there():
    assert set(TASKS) >= {
        "forecasting", "image_classification", "tagging", "text_classification", "translation",
    }  # fmt: skip


@pytest.mark.parametrize("name", protocols.MODULES)
@pytest.mark.parametrize("task", TASKS)
def test_every_member_of_the_protocols_is_there(task, name):
    protocol, provided = protocols.MODULES[name], module(task, name)
    missing = {member for member in protocols.members(protocol) if not hasattr(provided, member)}
    assert not missing
    for member in protocols.members(protocol):
        described = vars(protocol).get(member)
        if inspect.isfunction(described):
            expected = parameters(described)
            assert parameters(getattr(provided, member))[: len(expected)] == expected, member


@pytest.mark.parametrize("task", TASKS)
def test_the_objective_says_what_it_monitors_and_how_it_is_fed(task):
    objective = module(task, "objective")
    assert isinstance(objective.MONITOR, Monitor)
    feed = getattr(objective, "FEED", "shuffled")
    assert feed in FEEDS
    assert hasattr(objective, "sample_batch") == (feed == "sampled")


@pytest.mark.parametrize("task", TASKS)
def test_the_info_is_whole(task):
    info = module(task, "info").INFO
    assert isinstance(info, TaskInfo)
    assert info.title[0].isupper()
    assert info.strong_baseline.startswith("baseline_")
    assert info.direction(info.primary_metric) in {"lower", "higher"}
    assert info.primary_metric in module(task, "reporting").REPORTED_METRICS


@pytest.mark.parametrize("rows", [1, 16])
@pytest.mark.parametrize("task", TASKS)
def test_the_example_batch_fits_the_example_spec(task, rows, tmp_path):
    example = module(task, "example")
    spec = example.example_spec()
    inputs, targets = example.example_batch(spec, rows)
    assert len(targets) == rows
    columns = {**inputs, spec.target.name: targets}
    columns |= {name: [""] * rows for name in spec.request_inputs if name not in columns}
    validation.within_spec(tmp_path, columns, spec)
    again, _ = example.example_batch(spec, rows)
    for name in spec.inputs:
        np.testing.assert_array_equal(again[name], inputs[name])


@pytest.mark.parametrize("task", TASKS)
def test_loss_and_metrics_can_be_made_for_the_example(task):
    spec, objective = module(task, "example").example_spec(), module(task, "objective")
    assert objective.loss(spec) is not None
    assert isinstance(objective.metrics(spec), list)


@pytest.mark.parametrize("task", TASKS)
def test_kinds_are_known_and_request_inputs_have_one(task):
    kinds, spec = module(task, "serve").KINDS, module(task, "example").example_spec()
    assert set(kinds.values()) <= set(protocols.KINDS)
    assert set(spec.request_inputs) <= set(kinds)


@pytest.mark.parametrize("task", sorted(task_fit.STRONG))
def test_a_task_with_a_classical_model_serves_it_and_is_compared_with_it(task):
    name, builder = task_fit.STRONG[task]
    assert name in task_fit.MODULES[task] and search_path.is_classical(name)
    assert builder in signatures.builders(name)
    assert parameters(module(task, "serve").estimator_endpoints) == ["estimator", "spec", "assets"]
    strong = inspect.signature(module(task, "baselines").fit_predict).parameters["strong"]
    assert strong.kind is strong.KEYWORD_ONLY
    figures = module(task, "figures")
    if hasattr(figures, "draw_estimator"):
        expected = [*parameters(figures.draw)[:-1], "estimator"]
        assert parameters(figures.draw_estimator) == expected
