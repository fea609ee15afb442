"""Writes the code files in the `deps` of the root's dvc.yaml from the import statements, and the
stages of the other graphs from those of the root.

`python -m pipelines deps` (or `make deps`) after a change of imports or of a stage. What is not a
Python file (data, sources, weights) is left as it is.
"""

import functools
import re
from pathlib import Path

from pipelines.training import import_graph

MAIN = "dvc.yaml"
# The other graphs and their params files. Each has the main graph's stages, after its own.
PARAMS = {
    "course/dvc.yaml": "course/params.yaml",
    "benchmarks/dvc.yaml": "benchmarks/params.yaml",
}
# Each stage's own files. ${item.NAME} is replaced by DVC with the value in the params file.
RECIPE = "pipelines/datasets/${item.recipe}.py"
MODEL = "models/${item.module}.py"
# item.module of these is classical/<name> and ensembles/<name>.
CLASSICAL, ENSEMBLES = "models/classical/*.py", "models/ensembles/*.py"
TASK = "pipelines/tasks/${item.task}"
ENTRIES = {
    "fetch": ("pipelines/stages/fetch.py",),
    "prepare": ("pipelines/stages/prepare.py", RECIPE),
    "warm_start": ("pipelines/stages/warm_start.py",),
    "train": ("pipelines/stages/train.py", f"{TASK}/objective.py", MODEL),
    # An item of `baselines` names an experiment, not the file of its classical model.
    "baselines": ("pipelines/stages/baselines.py", f"{TASK}/baselines.py", CLASSICAL),
    # Layers are registered with Keras by the import of their module. Only evaluate reads
    # reporting.py: choosing a column of the results table trains and exports nothing.
    "evaluate": (
        *("pipelines/stages/evaluate.py", f"{TASK}/score.py", f"{TASK}/figures.py"),
        *(f"{TASK}/info.py", f"{TASK}/reporting.py", "models/layers/__init__.py", MODEL),
    ),
    "export": (
        *("pipelines/stages/export.py", "pipelines/stages/verify.py", f"{TASK}/serve.py"),
        *(f"{TASK}/info.py", "models/layers/__init__.py", MODEL),
    ),
}
# Copied into the registered model by `export`.
COPIED = {"export": ("pipelines/tracking/registered_model.py",)}
# DVC reads and writes all of dvc.lock for each stage that runs, so a list of files costs minutes. A
# room of which a stage needs most is a dependency as a folder: all of it for stages that are costly
# to run, two thirds for the others.
WHOLE_ROOM, MOST_OF_A_ROOM = 1.0, 2 / 3
COSTLY = ("fetch", "train")
ROOMS = (
    *(
        f"pipelines/{name}"
        for name in ("classical", "config", "evaluation", "figures", "inference")
    ),
    *(f"pipelines/{name}" for name in ("preparation", "preprocessing", "runtime", "storage")),
    *("pipelines/tracking", "pipelines/training", "models/layers"),
)
PARAMS_LINE = re.compile(r"^ {6}params: (\[.*\])$", re.MULTILINE)
DEPS = re.compile(r"^ {6}deps:\n((?: {8}- .*\n)+)", re.MULTILINE)
STAGE = re.compile(r"^ {2}(\w+):$", re.MULTILINE)


def run(params_file: Path) -> None:
    main = written(Path(MAIN).read_text("utf-8"))
    _update(Path(MAIN), main)
    for name, params in PARAMS.items():
        _update(Path(name), derived(main, Path(name).read_text("utf-8"), params))


def _update(path: Path, text: str) -> None:
    changed = text != path.read_text("utf-8")
    if changed:
        path.write_text(text, "utf-8")
    print(f"{path}: {'written' if changed else 'unchanged'}")


def derived(main: str, text: str, params: str) -> str:
    """The text of another dvc.yaml, with the main graph's stages in place of its copies of them.

    Args:
        main: the text of the main graph's dvc.yaml.
        text: the other dvc.yaml; what comes before the first of the main graph's stages stays.
        params: the other graph's params file.
    """
    first = STAGE.search(main)
    shared = main[first.start() :].replace("    do:\n", "    do:\n      wdir: ..\n")
    shared = re.sub(r"^( {6}cmd: .*)$", rf"\1 --params {params}", shared, flags=re.MULTILINE)
    shared = PARAMS_LINE.sub(rf"      params:\n        - {params}: \1", shared)
    before = text.split(f"  {first[1]}:\n", 1)[0]
    return written(before) + shared


def written(text: str) -> str:
    """The text of a dvc.yaml with the deps that the code has now."""
    starts = [*STAGE.finditer(text)]
    if not starts:
        return text
    ends = [*(match.start() for match in starts[1:]), len(text)]
    out = [text[: starts[0].start()]]
    for match, end in zip(starts, ends, strict=True):
        files = code(match[1])
        out.append(DEPS.sub(lambda old, new=files: _block(old, new), text[match.start() : end]))
    return "".join(out)


def _block(match: re.Match, files: list[str]) -> str:
    entries = [line.strip().removeprefix("- ") for line in match[1].splitlines()]
    data = [entry for entry in entries if not _is_code(entry)]
    return "      deps:\n" + "".join(f"        - {entry}\n" for entry in (*data, *files))


def _is_code(entry: str) -> bool:
    return entry.startswith(("models/", "models", "pipelines/"))


@functools.cache  # the graphs have the same stages, and parsing takes a second for each
def code(stage: str) -> list[str]:
    """The Python files that any item of the stage needs; those that depend on the item by name."""
    templates = [entry for entry in ENTRIES[stage] if "$" in entry]
    choices = {template: _choices(template) for template in templates}
    named = [_files(entry) for entry in ENTRIES[stage] if "$" not in entry]
    entries = set().union(*named, *choices.values())
    needed = import_graph.closure(_with_packages(entries)) | set(COPIED.get(stage, ()))
    fixed = needed.difference(*choices.values())
    # A file of one item that another item's file imports too (a task's metrics) is shared.
    imports = {path: import_graph.imports(path) for path in needed}
    shared = {
        path for path in needed - fixed if any(path in imports[other] for other in needed - {path})
    }
    share = WHOLE_ROOM if stage in COSTLY else MOST_OF_A_ROOM
    return [*templates, *in_rooms(fixed | shared, share)]


def in_rooms(files: set[str], share: float) -> list[str]:
    """The files, and in place of those of a room its folder, if it has at least this share."""
    rest = set(files)
    for room in ROOMS:
        modules = _files(f"{room}/**/*.py") | {f"{room}/__init__.py"}
        needed = {path for path in files if path.startswith(f"{room}/")}
        if len(needed) >= share * len(modules):
            rest = rest - needed | {room}
    return sorted(rest)


def _choices(template: str) -> set[str]:
    files = _files(re.sub(r"\$\{[^}]*\}", "*", template))
    return files | _files(CLASSICAL) | _files(ENSEMBLES) if template == MODEL else files


def _files(pattern: str) -> set[str]:
    paths = (path.relative_to(import_graph.ROOT) for path in import_graph.ROOT.glob(pattern))
    return {path.as_posix() for path in paths if "*" not in pattern or path.stem != "__init__"}


def _with_packages(entries: set[str]) -> set[str]:
    """Importing a file runs the __init__.py of its folders."""
    folders = {folder for entry in entries for folder in Path(entry).parents if folder != Path()}
    return entries | {f"{folder.as_posix()}/__init__.py" for folder in folders}
