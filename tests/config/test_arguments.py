"""Arguments in build, loss and decide: types, ranges, and the tasks that data and modules fit."""

from pathlib import Path

import pytest
import yaml

from pipelines.config import loader, search_path, task_fit
from tests.support.user_errors import user_error

FIT = {"epochs": 1, "batch_size": 8, "learning_rate": 0.001, "patience": None}
DATASETS = {
    "texts": {"recipe": "text_csv", "source": "a.csv"},
    "images": {"recipe": "image_folder", "source": "a"},
    "series": {
        "recipe": "timeseries_csv", "source": "a.csv",
        "options": {
            "values": {"a": "m"}, "frequency": "D", "history_steps": 2, "horizon_steps": 1,
        },
    },
    "pairs": {"recipe": "parallel_text", "source": "a.tsv"},
}  # fmt: skip
MODULES = {
    "texts": ("text_classification", "text_cnn", "text_cnn"),
    "images": ("image_classification", "small_cnn", "small_cnn"),
    "series": ("forecasting", "linear", "linear_forecaster"),
    "pairs": ("translation", "transformer", "transformer"),
}


def load(folder: Path, dataset="texts", module=None, builder=None, task=None, values="{}", **more):
    """values: the arguments of the builder, as they are written in the file."""
    usual = MODULES[dataset]
    block = {
        "task": task or usual[0], "dataset": dataset, "module": module or usual[1],
        "build": {"builder": builder or usual[2]}, "fit": FIT, **more,
    }  # fmt: skip
    strong, experiments = {}, {"one": block}
    if block["task"] in task_fit.STRONG:
        name, function = task_fit.STRONG[block["task"]]
        build = {"builder": function}
        experiments["strong"] = {
            "task": block["task"], "dataset": dataset, "module": name, "build": build,
        }  # fmt: skip
        strong = {"strong": "strong"}
    params = {
        "seed": 1, "datasets": DATASETS, "experiments": experiments,
        "baselines": {dataset: {"task": block["task"], "dataset": dataset, **strong}},
    }  # fmt: skip
    text = yaml.safe_dump(params, sort_keys=False)
    if values != "{}":
        text = text.replace("    build:\n", f"    build:\n      {values}\n", 1)
    path = folder / "params.yaml"
    path.write_text(text, "utf-8")
    return loader.load(path).experiments["one"]


@pytest.mark.parametrize(
    "values",
    [
        "filters: '4'", "filters: 0", "filters: -3", "filters: true", "filters: 2.5",
        "filters: [4]", "filters: null", "kernel_sizes: 3", "kernel_sizes: []",
        "kernel_sizes: [2, 0]", "kernel_sizes: [2, x]", "dropout: half", "dropout: 1",
        "dropout: 1.5", "dropout: -0.1", "dropout: .nan", "dropout: true", "word_dropout: 1.0",
        "embedding_dim: 1e2",
    ],
)  # fmt: skip
def test_a_wrong_type_or_range_of_a_builder_is_refused_by_line(tmp_path, values):
    name = values.split(":")[0]
    with user_error("value-invalid", line=27, key=f"experiments.one.build.{name}"):
        load(tmp_path, values=values)


@pytest.mark.parametrize(
    ("dataset", "more", "key"),
    [
        ("texts", {"loss": {"label_smoothing": "0.1"}}, "loss.label_smoothing"),
        ("texts", {"loss": {"label_smoothing": 1.0}}, "loss.label_smoothing"),
        ("texts", {"decide": {"false_alarm_cost": -1}}, "decide.false_alarm_cost"),
        ("texts", {"decide": {"false_alarm_cost": 0}}, "decide.false_alarm_cost"),
        ("pairs", {"decide": {"beam_width": 0}}, "decide.beam_width"),
        ("pairs", {"decide": {"length_penalty": "long"}}, "decide.length_penalty"),
    ],
)
def test_arguments_of_loss_and_decide_are_checked_as_well(tmp_path, dataset, more, key):
    with user_error("value-invalid", key=f"experiments.one.{key}"):
        load(tmp_path, dataset, **more)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ("augment: {flip: true, zoom: 0.1}", None),
        ("augment: {zoom: wide}", "value-invalid"),
        ("augment: [zoom]", "value-invalid"),
        ("filters: 10", "value-invalid"),
        ("filters: [4, 8]", None),
        ("augment: null", None),
    ],
)
def test_sequences_and_mappings(tmp_path, values, code):
    if code is None:
        load(tmp_path, "images", values=values)
        return
    with user_error(code, key=f"experiments.one.build.{values.split(':')[0]}"):
        load(tmp_path, "images", values=values)


@pytest.mark.parametrize("module", ["resnet", "vit"])
def test_choices(tmp_path, module):
    values = {"resnet": "shortcut: none", "vit": "pooling: max"}[module]
    with user_error("value-invalid"):
        load(tmp_path, "images", module, module, values=values)
    load(tmp_path, "images", "vit", "vit", values="stem: []")


@pytest.mark.parametrize("written", ["5e-1", "5E-1", "0.5", ".5", "+5.0e-1", "50e-2"])
def test_numbers_with_an_exponent_are_numbers(tmp_path, written):
    assert load(tmp_path, values=f"dropout: {written}").build["dropout"] == 0.5


def test_other_texts_stay_texts(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\ndatasets:\n  a: {recipe: text_csv, source: 08e, options: {text: e1}}")
    dataset = loader.load(path).datasets["a"]
    assert (dataset.source, dataset.options["text"]) == ("08e", "e1")


@pytest.mark.parametrize("dataset", MODULES)
@pytest.mark.parametrize("other", MODULES)
def test_a_task_must_fit_the_data_and_the_module(tmp_path, dataset, other):
    task, module, builder = MODULES[other]
    if dataset == other:
        load(tmp_path, dataset)
        return
    with user_error("task-mismatch", key="experiments.one.task", value=task):
        load(tmp_path, dataset, module, builder, task)
    with user_error("task-mismatch", key="experiments.one.module", value=module):
        load(tmp_path, dataset, module, builder)


def test_the_names_of_task_fit_exist():
    for room, groups in (("datasets", task_fit.RECIPES), ("models", task_fit.MODULES)):
        assert {name for names in groups.values() for name in names} <= set(search_path.names(room))
    assert set(task_fit.KNOWN) <= set(search_path.names("tasks"))
