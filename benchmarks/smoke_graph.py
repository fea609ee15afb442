"""The stages of several dvc.yaml files: which need which, and which of them a smoke run runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

ROOT = Path(__file__).parents[1]
VARIABLE = re.compile(r"\$\{([\w.]+)\}")

Params = dict[str, dict]  # the content of params files by their names
Graph = dict["Stage", set["Stage"]]  # stages that have to run before each stage


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml for one item of its params file.

    Args:
        name: train, say.
        key: of the item.
        params_file: relative to the repository root.
        deps: paths of data that it reads.
        outs: paths that it writes.
    """

    name: str
    key: str
    params_file: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.key}"


def read(files: Iterable[str]) -> Params:
    """Params files and those whose data they share."""
    params: Params = {}
    for name in files:
        values = yaml.safe_load((ROOT / name).read_text("utf-8"))
        params |= {} if values.get("shared") is None else read([values["shared"]])
        params[name] = values
    return params


def shorten(params: Params) -> None:
    """One seed an experiment and one epoch a phase. What is not trained by epochs stays."""
    for experiment in items(params, "experiments").values():
        experiment.pop("seeds", None)
        if fit := experiment.get("fit"):
            fit |= {"epochs": 1, "jit_compile": False}
            if fit.get("fine_tune"):
                fit["fine_tune"]["epochs"] = 1


def items(params: Params, section: str) -> dict[str, dict]:
    """The items of a section in all files."""
    return {
        key: item for values in params.values() for key, item in (values.get(section) or {}).items()
    }


def model_and_recipe(params: Params, experiment: Mapping) -> set[tuple[str, ...]]:
    """What makes an experiment worth a run of its own. Not the two together: a model is written
    for a DataSpec, whatever recipe has made it."""
    warm_starts, dataset = items(params, "warm_starts"), experiment["dataset"]
    dataset = warm_starts[dataset]["dataset"] if dataset in warm_starts else dataset
    recipe = items(params, "datasets")[dataset]["recipe"]
    model = (experiment["task"], experiment["module"], experiment["build"]["builder"])
    return {model, ("recipe", recipe)}


def distinct(params: Params, files: Sequence[str]) -> list[str]:
    """Keys of the files' experiments, the first with a model or a recipe that no other has."""
    others = {name: values for name, values in params.items() if name not in files}
    blocks = items(others, "experiments").values()
    seen = set().union(*(model_and_recipe(params, block) for block in blocks))
    keys = []
    for key, experiment in items({name: params[name] for name in files}, "experiments").items():
        if not (new := model_and_recipe(params, experiment)) <= seen:
            seen |= new
            keys.append(key)
    return keys


def graph_of(params: Params) -> Graph:
    """All stages of the dvc.yaml files beside these params files."""
    stages = [
        _stage(name, key, file, definition["do"], item)
        for file, values in params.items()
        for name, definition in _definitions(file).items()
        for key, item in (values.get(definition["foreach"].strip("${}")) or {}).items()
    ]
    makers = {out: stage for stage in stages for out in stage.outs}
    return {
        stage: {
            makers[path]
            for dep in stage.deps
            for path in map(str, (PurePosixPath(dep), *PurePosixPath(dep).parents))
            if path in makers
        }
        for stage in stages
    }


def part_for(graph: Graph, keys: Iterable[str]) -> Graph:
    """The stages of these experiments, and all that they need."""
    keys = set(keys)
    waiting = [
        stage for stage in graph if stage.name in ("evaluate", "export") if stage.key in keys
    ]
    part: Graph = {}
    while waiting:
        stage = waiting.pop()
        if stage not in part:
            part[stage] = graph[stage]
            waiting += graph[stage]
    return part


def _definitions(params_file: str) -> dict[str, dict]:
    """The stages for the items of a params file; `code` only tells DVC what has changed."""
    path = (ROOT / params_file).with_name("dvc.yaml")
    stages = yaml.safe_load(path.read_text("utf-8"))["stages"]
    return {name: definition for name, definition in stages.items() if "foreach" in definition}


def _stage(name: str, key: str, params_file: str, definition: Mapping, item: Mapping) -> Stage:
    def paths(*kinds: str) -> tuple[str, ...]:
        entries = [entry for kind in kinds for entry in definition.get(kind, [])]
        names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
        return tuple(VARIABLE.sub(lambda match: _value(match[1], key, item), n) for n in names)

    return Stage(name, key, params_file, paths("deps"), paths("outs", "metrics", "plots"))


def _value(variable: str, key: str, item: Mapping) -> str:
    """What DVC puts in the place of ${key} or ${item.NAME}."""
    value: object = {"key": key, "item": item}
    for name in variable.split("."):
        assert isinstance(value, Mapping), variable
        value = value[name]
    return str(value)
