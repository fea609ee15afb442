"""Names of columns, labels and classes reach MLflow, whatever characters they have."""

import pytest

from pipelines import tracking
from pipelines.tracking import names

IDENTITY = {"code": "c", "data": "d", "params": "p"}
AWKWARD = [
    "T (degC)", "load %", "load $", "Temperature (°C)", "C++", "C#", ":)", ":(", "a\tb", "a\nb",
    "and/or/", "and/or//", "/root", "../up", ".", "..", "", "a//b", "a/./b", "🙂", "🙃",
    "x" * 251, "x" * 252, "日本" * 200, "name\n", "'; drop", '"', "a=b", "a\\b", "\ud800",
]  # fmt: skip
ORDINARY = ["accuracy", "test/mae_degC", "data.values.température", "气温", "fit.epochs", "a b:c-d"]


@pytest.fixture
def options(tracked_folder):
    return {"identity": IDENTITY, "tags": {}, "dataset": None}


@pytest.mark.parametrize("name", ORDINARY)
def test_a_name_that_mlflow_takes_stays(name):
    assert names.accepted(name) == name


def test_no_two_names_become_one_and_a_stored_name_stays():
    stored = [names.accepted(name) for name in AWKWARD]
    assert len(set(stored)) == len(AWKWARD)
    assert [names.accepted(name) for name in stored] == stored
    assert names.accepted("load %").startswith("load _.")


def test_every_name_can_be_a_parameter_and_a_metric(options):
    values = {name: number for number, name in enumerate([*AWKWARD, *ORDINARY])}
    stored = {names.accepted(name): number for name, number in values.items()}
    with tracking.start("task", "key", params=values, **options) as run:
        run.metrics(values)
        run.metrics({"f1 (C++)": 0.5}, step=3)
        assert run.last_step("f1 (C++)") == 3
        record = run.record()
    assert record["params"] == {name: str(number) for name, number in stored.items()}
    assert record["metrics"] == stored | {names.accepted("f1 (C++)"): 0.5}


def test_an_undefined_metric_of_such_a_name_can_be_defined_later(options):
    with tracking.start("task", "key", params={}, **options) as run:
        run.metrics({"f1 (C++)": None})
        assert run.record()["tags"]["undefined_metrics"] == names.accepted("f1 (C++)")
        run.metrics({"f1 (C++)": 0.5})
        assert run.record()["tags"]["undefined_metrics"] == ""


def test_a_long_list_of_classes_is_stored_with_its_hash(options):
    first, second = ([f"class {n}" for n in range(2000)] + [end] for end in ("a", "b"))
    with tracking.start("task", "key", params={"one": first, "two": second}, **options) as run:
        params = run.record()["params"]
    assert params["one"].startswith('["class 0", ') and "sha256" in params["one"]
    assert len(params["one"]) == names.PARAM_LENGTH and params["one"] != params["two"]
