"""Where recipes, tasks and model modules are: in this project, and in packages that extend it.

The environment variable PIPELINES_EXTENSIONS names such packages, separated by commas. Each is laid
out like this project: `<package>/datasets/<recipe>.py`, `<package>/tasks/<task>/objective.py`,
`<package>/models/<module>.py`; a module whose models have no epochs is named with its folder,
`classical/<module>` or `ensembles/<module>`. A name that is in several places means the first of
them, and this project comes first. Nothing is imported to find a name but the packages above it.
"""

import os
from importlib.util import find_spec
from pathlib import Path

VARIABLE = "PIPELINES_EXTENSIONS"
PACKAGES = {"datasets": "pipelines.datasets", "tasks": "pipelines.tasks", "models": "models"}
CLASSICAL, ENSEMBLES = "classical", "ensembles"


def extensions() -> list[str]:
    """The packages that the environment names."""
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]


def is_classical(module: str) -> bool:
    """Whether a model module's builders return classical models."""
    return module.startswith(f"{CLASSICAL}/")


def is_estimator(module: str) -> bool:
    """Whether they return estimators, without epochs: classical models, or ensembles with one."""
    return is_classical(module) or module.startswith(f"{ENSEMBLES}/")


def names(room: str) -> list[str]:
    """Names of all recipes ("datasets"), tasks ("tasks") or model modules ("models")."""
    return list(_places(room))


def module_name(room: str, name: str) -> str:
    """The dotted name to import; for an unknown name, as if it were in this project."""
    package, _ = _places(room).get(name, (PACKAGES[room], None))
    return f"{package}.{name.replace('/', '.')}"


def file(room: str, name: str) -> Path:
    """The source of a recipe or model module; a task's folder."""
    package, folder = _places(room)[name]
    return folder / name if room == "tasks" else folder / f"{name}.py"


def _places(room: str) -> dict[str, tuple[str, Path]]:
    """Name -> (package, its folder)."""
    places: dict[str, tuple[str, Path]] = {}
    for package in (PACKAGES[room], *(f"{extension}.{room}" for extension in extensions())):
        spec = find_spec(package)
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            if room == "tasks":
                present = [path.parent.name for path in folder.glob("*/objective.py")]
            else:
                patterns = ("*.py", f"{CLASSICAL}/*.py", f"{ENSEMBLES}/*.py")
                files = [file for pattern in patterns for file in folder.glob(pattern)]
                names_of_files = [p.relative_to(folder).with_suffix("").as_posix() for p in files]
                present = [name for name in names_of_files if not name.endswith("__init__")]
            for name in sorted(present):
                places.setdefault(name, (package, folder))
    return places
