"""A stage depends on the code that it imports, and on no other; who may import what."""

import ast
import functools
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.commands import graphs
from pipelines.config import loader
from pipelines.stages import code as code_stage
from pipelines.training import import_graph, run_identity
from tests.support.defaults import PARAMS, replaced

ROOT = Path(__file__).parents[2]
FILES = {graphs.MAIN: PARAMS, **graphs.PARAMS}
if replaced():  # the course uses data sets of the root's params.yaml
    del FILES["course/dvc.yaml"]
# Of the other stages: experiments.
SECTION = {
    "fetch": "downloads", "prepare": "datasets", "warm_start": "warm_starts",
    "baselines": "baselines",
}  # fmt: skip
# TensorFlow's kernels, imported where Keras's backend is TensorFlow on a CPU.
KERNELS = {"models/layers/block_lstm.py", "pipelines/training/adam.py"}
# Reads arrays of a public file, and admits no other class.
UNPICKLES = {"pipelines/preparation/restricted_pickle.py"}
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("pipelines", "models", "serving", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)


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
def imported() -> dict[str, set[str]]:
    return {path: import_graph.imports(path) for path in SOURCES}


@functools.cache
def reached(*entries: str) -> set[str]:
    return import_graph.closure(entries, graph=imported())


def resolve(text: str, key: str, item: dict) -> str:
    """DVC's ${...} as far as these files use it."""
    text = text.replace("${key}", key)
    for name, value in item.items():
        text = text.replace(f"${{item.{name}}}", str(value))
    assert "$" not in text, text
    return text


@functools.cache
def digests() -> dict[str, set[str]]:
    """File or folder in data/code -> the code files that it stands for."""
    found: dict[str, set[str]] = {}
    for entry in code_stage.entries():
        files = reached(entry)
        for path in (Path(entry).with_suffix(".txt"), *Path(entry).parents):
            found.setdefault((code_stage.FOLDER / path).as_posix(), set()).update(files)
    return found


def code(named: list[str]) -> set[str]:
    """The Python files that dependencies stand for."""
    return set().union(*(digests()[dep] for dep in named if dep.startswith("data/code/")))


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
        if stage != "code"
        for key, item in read(params).get(SECTION.get(stage, "experiments"), {}).items()
    ]


INSTANCES = instances()
EACH = pytest.mark.parametrize(
    ("graph", "stage", "key", "item", "definition"),
    INSTANCES,
    ids=[f"{graph}:{stage}@{key}" for graph, stage, key, *_ in INSTANCES],
)


@EACH
def test_a_stage_depends_on_the_code_that_it_imports(graph, stage, key, item, definition):
    own = [
        *entry_files(stage, item),
        *((f"models/{item['module']}.py",) if stage in ("evaluate", "export") else ()),
        *((f"pipelines/tasks/{item['task']}/reporting.py",) if stage == "evaluate" else ()),
        *(("pipelines/tracking/registered_model.py",) if stage == "export" else ()),
    ]
    named = [resolve(dep, key, item) for dep in definition["deps"]]
    assert code(named) == reached(*own)
    for dep in named:
        assert dep.startswith("data/") or (ROOT / dep).exists(), dep


@pytest.mark.parametrize("graph", FILES)
def test_deps_are_written_once(graph):
    for stage, definition in read(graph)["stages"].items():
        named = definition.get("do", definition)["deps"]
        assert len(set(named)) == len(named), stage


def test_digests_of_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code_stage.run(Path("params.yaml"))
    for entry in ("pipelines/stages/train.py", "models/text_cnn.py", "models/layers/__init__.py"):
        lines = Path("data/code", entry).with_suffix(".txt").read_text().splitlines()
        found = dict(reversed(line.split("  ")) for line in lines)
        assert found.keys() == reached(entry)
        digest = hashlib.sha256((ROOT / entry).read_bytes()).hexdigest()
        assert found[entry] == digest


def test_data_comes_from_a_stage_and_from_one_only():
    made = {"data/code": "code"}
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


@pytest.mark.parametrize(("graph", "params"), graphs.PARAMS.items())
def test_other_graphs_have_the_main_graphs_stages(graph, params):
    main, other = dict(read(graphs.MAIN)["stages"]), read(graph)["stages"]
    assert main.pop("code") == {
        "cmd": "python3 -m pipelines code", "deps": ["pipelines", "models"], "outs": ["data/code"]
    }  # fmt: skip
    assert list(other) == list(main)
    for stage, definition in main.items():
        assert other[stage]["foreach"] == definition["foreach"], stage
        do = dict(other[stage]["do"])
        assert do.pop("wdir") == ".."
        do["cmd"] = do["cmd"].removesuffix(f" --params {params}")
        (do["params"],) = (dict(entry)[params] for entry in do["params"])
        assert do == definition["do"], stage


@pytest.mark.parametrize(("graph", "params"), graphs.PARAMS.items())
def test_other_graphs_are_what_the_command_writes(graph, params):
    main, other = ((ROOT / name).read_text("utf-8") for name in (graphs.MAIN, graph))
    assert graphs.derived(main, other, params) == other


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
    found = import_graph.third_party(closures("train") - KERNELS)
    assert "keras" in found
    assert not found & {"tensorflow", "tensorflow_text", "jax", "torch"}


def test_models_import_keras_and_no_backend():
    found = import_graph.third_party(
        path for path in SOURCES if path.startswith("models/") and path not in KERNELS
    )
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
    if path not in UNPICKLES:
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
