"""What each stage imports is what dvc.yaml says it depends on; who may import what."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.commands import deps
from pipelines.config import loader
from pipelines.training import import_graph, run_identity
from tests.support.defaults import PARAMS, replaced

ROOT = Path(__file__).parents[2]
FILES = {deps.MAIN: PARAMS, **deps.PARAMS}
if replaced():  # the course uses data sets of the root's params.yaml
    del FILES["course/dvc.yaml"]
# Of the other stages: experiments.
SECTION = {
    "fetch": "downloads", "prepare": "datasets", "warm_start": "warm_starts",
    "baselines": "baselines",
}  # fmt: skip
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("pipelines", "models", "serving", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
# Only `Options` is read from other data sets' recipes, and only signatures from other experiments'
# builders, to refuse a mistake before anything runs: config.py imports these by name, and an edit
# of them changes no result of this stage.


def entry_files(stage: str, item: dict) -> list[str]:
    """The files that a stage's own command imports by name, from its item of params.yaml."""
    task = f"pipelines/tasks/{item.get('task')}"
    return {
        "fetch": lambda: ["pipelines/stages/fetch.py"],
        "prepare": lambda: [
            "pipelines/stages/prepare.py",
            f"pipelines/datasets/{item['recipe']}.py",
        ],
        "warm_start": lambda: ["pipelines/stages/warm_start.py"],
        "train": lambda: run_identity.train_files(item["task"], item["module"]),
        "baselines": lambda: [
            *("pipelines/stages/baselines.py", f"{task}/baselines.py"),
            *(path for path in SOURCES if path.startswith("models/classical/")),
        ],
        "evaluate": lambda: [
            *("pipelines/stages/evaluate.py", f"{task}/score.py", f"{task}/figures.py"),
            *(f"{task}/info.py", "models/layers/__init__.py"),
        ],
        "export": lambda: [
            *("pipelines/stages/export.py", "pipelines/stages/verify.py", f"{task}/serve.py"),
            *(f"{task}/info.py", "models/layers/__init__.py"),
        ],
    }[stage]()


def needed(stage: str, item: dict) -> set[str]:
    """Everything local that is imported; importing a file runs the __init__.py of its folders."""
    return reached(*entry_files(stage, item))


@functools.cache
def reached(*entries: str) -> set[str]:
    parents = {
        f"{folder.as_posix()}/__init__.py"
        for entry in entries
        for folder in Path(entry).parents
        if folder != Path()
    }
    return import_graph.closure([*entries, *sorted(parents)])


def resolve(text: str, key: str, item: dict) -> str:
    """DVC's ${...} as far as these files use it."""
    text = text.replace("${key}", key)
    for name, value in item.items():
        text = text.replace(f"${{item.{name}}}", str(value))
    assert "$" not in text, text
    return text


def code(named: list[str]) -> set[str]:
    """The Python files among dependencies, folders opened."""
    found = set()
    for dep in named:
        path = ROOT / dep
        inside = path.rglob("*.py") if path.is_dir() else [path] if path.suffix == ".py" else []
        found |= {file.relative_to(ROOT).as_posix() for file in inside}
    return found


@functools.cache
def read(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def outputs(definition: dict) -> list[str]:
    return [out for kind in ("outs", "metrics", "plots") for out in definition.get(kind, [])]


def instances() -> list[tuple[str, str, str, dict, dict]]:
    """(dvc.yaml, stage, key, item, definition) for every entry of every params file."""
    return [
        (graph, stage, key, item, definition["do"])
        for graph, params in FILES.items()
        for stage, definition in read(graph)["stages"].items()
        for key, item in read(params).get(SECTION.get(stage, "experiments"), {}).items()
    ]


INSTANCES = instances()
EACH = pytest.mark.parametrize(
    ("graph", "stage", "key", "item", "definition"),
    INSTANCES,
    ids=[f"{graph}:{stage}@{key}" for graph, stage, key, *_ in INSTANCES],
)


@EACH
def test_nothing_that_a_stage_imports_is_missing_from_its_deps(graph, stage, key, item, definition):
    named = [resolve(dep, key, item) for dep in definition["deps"]]
    assert needed(stage, item) - code(named) == set()
    for dep in named:
        assert dep.startswith("data/") or (ROOT / dep).exists(), dep


@pytest.mark.parametrize("graph", FILES)
def test_deps_are_what_the_command_writes(graph):
    """`make deps` after a change of imports; nothing that no item imports stays."""
    text = (ROOT / graph).read_text("utf-8")
    assert deps.written(text) == text


@pytest.mark.parametrize("graph", FILES)
def test_deps_are_written_once(graph):
    for stage, definition in read(graph)["stages"].items():
        named = definition["do"]["deps"]
        assert len(set(named)) == len(named), stage


def test_data_comes_from_a_stage_and_from_one_only():
    made = {}
    for graph, stage, key, item, definition in INSTANCES:
        for out in (resolve(out, key, item) for out in outputs(definition)):
            assert out not in made, f"{out}: made by {made[out]} and by {graph}:{stage}@{key}"
            made[out] = f"{graph}:{stage}@{key}"
    for _, stage, key, item, definition in INSTANCES:
        for dep in (resolve(dep, key, item) for dep in definition["deps"]):
            if dep.startswith("data/"):
                folders = {folder.as_posix() for folder in Path(dep).parents}
                assert {dep, *folders} & made.keys(), f"{stage}@{key}: nothing makes {dep}"


def test_each_stage_has_its_command_and_its_outputs():
    for graph, stage, key, item, definition in INSTANCES:
        params = "" if graph == "dvc.yaml" else f" --params {FILES[graph]}"
        found = resolve(definition["cmd"], key, item)
        assert found == f"python3 -m pipelines {stage} {key}{params}"
        assert outputs(definition)
        for out in outputs(definition):
            name = r"\$\{item\.task\}/\$\{item\.dataset\}" if stage == "baselines" else r"\$\{key\}"
            assert re.fullmatch(rf"data/\w+/{name}(\.json|/\w+(\.json)?)?", out), out


@pytest.mark.parametrize(("graph", "params"), deps.PARAMS.items())
def test_other_graphs_have_the_main_graphs_stages(graph, params):
    main, other = read(deps.MAIN)["stages"], read(graph)["stages"]
    assert [stage for stage in other if stage in main] == list(main)
    for stage, definition in main.items():
        assert other[stage]["foreach"] == definition["foreach"], stage
        do = dict(other[stage]["do"])
        assert do.pop("wdir") == ".."
        do["cmd"] = do["cmd"].removesuffix(f" --params {params}")
        (do["params"],) = (dict(entry)[params] for entry in do["params"])
        assert do == definition["do"], stage


@pytest.mark.parametrize(("graph", "params"), deps.PARAMS.items())
def test_other_graphs_are_what_the_command_writes(graph, params):
    main, other = ((ROOT / name).read_text("utf-8") for name in (deps.MAIN, graph))
    assert deps.derived(main, other, params) == other


def test_no_graph_has_a_stage_of_its_own():
    shared = list(read(deps.MAIN)["stages"])
    for graph in deps.PARAMS:
        assert list(read(graph)["stages"]) == shared


@pytest.mark.parametrize("params", FILES.values())
def test_params_name_what_exists(params):
    loaded = loader.load(ROOT / params)
    for dataset in loaded.datasets.values():
        assert (ROOT / f"pipelines/datasets/{dataset.recipe}.py").is_file()
        raw = Path(dataset.source).parts
        fetched = raw[:2] == ("data", "raw") and raw[2] in loaded.downloads
        assert fetched or (ROOT / dataset.source).exists(), dataset.source
    for experiment in loaded.experiments.values():
        assert (ROOT / f"models/{experiment.module}.py").is_file()
        assert (ROOT / f"pipelines/tasks/{experiment.task}/objective.py").is_file()


# Who may import what


def closures(stage: str) -> set[str]:
    items = [item for _, name, _, item, _ in INSTANCES if name == stage]
    return set().union(*(needed(stage, item) for item in items))


def test_prepare_imports_no_framework():
    found = import_graph.third_party(closures("prepare") | closures("fetch"))
    assert not found & {"tensorflow", "keras", "keras_hub", "jax", "torch", "mlflow", "matplotlib"}


def test_train_imports_keras_and_no_backend():
    found = import_graph.third_party(closures("train"))
    assert "keras" in found
    assert not found & {"tensorflow", "tensorflow_text", "jax", "torch"}


def test_models_import_keras_and_no_backend():
    found = import_graph.third_party(path for path in SOURCES if path.startswith("models/"))
    assert "keras" in found
    assert not found & {"tensorflow", "tensorflow_text", "jax", "torch", "mlflow"}


def test_prepare_and_front_door_load_no_framework():
    """The same, seen at run time: what packages import by themselves counts, too."""
    recipes = {item["recipe"] for _, stage, _, item, _ in INSTANCES if stage == "prepare"}
    names = ", ".join(
        ["pipelines.stages.prepare", *sorted(f"pipelines.datasets.{r}" for r in recipes)]
    )
    script = f"""
import sys, pipelines.__main__
assert not {{"numpy", "yaml", "pydantic", "keras"}} & set(sys.modules)
import {names}
print({{"tensorflow", "keras", "jax", "torch", "mlflow", "sklearn"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_only_tracking_imports_mlflow():
    for path in SOURCES:
        if "mlflow" in import_graph.third_party([path]):
            assert path.startswith("pipelines/tracking/"), path


@functools.cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


@pytest.mark.parametrize("path", SOURCES)
def test_no_pickle_no_lambda_layer_no_relative_import(path):
    pickling = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    assert not import_graph.third_party([path]) & pickling
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            assert (node.arg, node.value.value) != ("allow_pickle", True), node.value.lineno
            assert (node.arg, node.value.value) != ("safe_mode", False), node.value.lineno
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            assert name not in ("Lambda", "enable_unsafe_deserialization"), node.lineno
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"line {node.lineno}: pipelines/training/import_graph.py reads full names"
            )
            assert "Lambda" not in [alias.name for alias in node.names], node.lineno


def test_what_the_results_tables_show_is_read_by_evaluate_alone():
    for _, stage, _, item, definition in INSTANCES:
        deps = code([resolve(dep, "", item) for dep in definition["deps"]])
        reads = any(dep.endswith("/reporting.py") for dep in deps)
        assert reads == stage.startswith("evaluate"), stage


def test_figures_and_baselines_are_no_business_of_train_and_export():
    for stage in ("train", "export"):
        paths = closures(stage)
        assert not [path for path in paths if path.startswith("pipelines/figures/")]
        assert not [path for path in paths if path.endswith(("/figures.py", "/baselines.py"))]


def test_baselines_import_no_framework():
    assert not import_graph.third_party(closures("baselines")) & {"tensorflow", "keras", "mlflow"}


def test_train_does_not_name_the_test_part():
    """That it cannot open it is tested in test_pipeline.py, with a test part that is gone."""
    for path in closures("train"):
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                inside = id(node) in docstrings
                assert inside or node.value.strip("/").split("/")[-1] != "test", path


# The reader of import statements itself


def test_closure_of_every_way_to_import(tmp_path):
    files = {
        "pipelines/__init__.py": "",
        "pipelines/a.py": "import json\nfrom pipelines import b, VERSION\nimport models.c\n",
        "pipelines/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    import numpy\n    from pipelines import typed\nelse:\n    from pipelines import run\n",
        "pipelines/typed.py": "import pipelines.unused\n",
        "pipelines/run.py": "",
        "pipelines/unused.py": "",
        "models/__init__.py": "def f():\n    from models.layers import Late\n",
        "models/c.py": "import pipelines.a as again\n",
        "models/layers/__init__.py": "from models.layers.late import Late\n",
        "models/layers/late.py": "import keras.layers\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = import_graph.closure(["pipelines/a.py"], tmp_path)
    assert found == files.keys() - {"pipelines/typed.py", "pipelines/unused.py"}
    assert import_graph.third_party(found, tmp_path) == {"json", "keras", "typing"}
