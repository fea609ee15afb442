"""Counts the rooms of the house and the arrows between them: `make rooms`.

A room is a package or a module of `pipelines`, `models` or `serving` (all tasks are one room); an
arrow is "a module of this room imports one of that room". The command fails where there are more
of either than a reader can keep in mind, an arrow upwards (by the layers of pyproject.toml), or a
circle.
"""

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
PACKAGES = ("benchmarks", "pipelines", "models", "serving")
SERVING = "serving"
# In and around pipelines, and in the server.
MAX_ROOMS, MAX_ARROWS, MAX_SERVING_ROOMS = 22, 90, 16
Arrow = tuple[str, str]


def main() -> int:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None, exclude_type_checking_imports=True)
    all_rooms = rooms(graph.modules)
    imports = arrows(graph)
    pipelines, serving = divide(all_rooms)
    for name, group in (("pipelines and around it", pipelines), ("serving", serving)):
        print(f"{name}: {len(group)} rooms, {len(starting_in(group, imports))} arrows")
    for source in sorted(all_rooms):
        targets = sorted(target for room, target in imports if room == source)
        print(f"  {source:26} -> {', '.join(targets) or 'nothing'}")
    mistakes = problems(all_rooms, imports, layers())
    for mistake in mistakes:
        print(f"error: {mistake}", file=sys.stderr)
    return 1 if mistakes else 0


def room(module: str) -> str:
    """The room of a module: the top package, or its child for the packages that are divided."""
    parts = module.split(".")
    if parts[0] == "benchmarks":
        return parts[0]
    if parts[0] == "models":
        return "models.layers" if parts[1:2] == ["layers"] else "models"
    return ".".join(parts[:2])


def rooms(modules: Iterable[str]) -> set[str]:
    """All rooms; the package `pipelines` itself holds a docstring only, and `serving` its name."""
    return {room(module) for module in modules} - {"pipelines", "serving"}


def arrows(graph: grimp.ImportGraph) -> dict[Arrow, set[Arrow]]:
    """By (importing room, imported room): the imports of modules that make it an arrow."""
    imports = defaultdict(set)
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            pair = room(module), room(target)
            if pair[0] != pair[1] and not {"pipelines", "serving"} & set(pair):
                imports[pair].add((module, target))
    return dict(imports)


def divide(all_rooms: set[str]) -> tuple[set[str], set[str]]:
    """The rooms in and around pipelines, and those of the server."""
    serving = {name for name in all_rooms if name.split(".")[0] == SERVING}
    return all_rooms - serving, serving


def starting_in(group: set[str], imports: Iterable[Arrow]) -> set[Arrow]:
    return {(source, target) for source, target in imports if source in group}


def layers() -> list[set[str]]:
    """The floors of pyproject.toml, top to bottom; rooms on one floor do not import each other."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    names = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [set(name.replace(" ", "").split("|")) for name in names]


def problems(all_rooms: set[str], imports: dict[Arrow, set], floors: list[set[str]]) -> list[str]:
    """What is wrong with the house, one sentence each."""
    pipelines, serving = divide(all_rooms)
    inner = starting_in(pipelines, imports)
    counts = (
        ("rooms in and around pipelines", len(pipelines), MAX_ROOMS),
        ("arrows in and around pipelines", len(inner), MAX_ARROWS),
        ("rooms in serving", len(serving), MAX_SERVING_ROOMS),
    )
    sentences = [
        f"{count} {what}, at most {limit} are allowed"
        for what, count, limit in counts
        if count > limit
    ]
    floor = {name: number for number, names in enumerate(floors) for name in names}
    floor["models.layers"] = floor["models"]
    sentences += [f"{name} is on no floor of pyproject.toml" for name in pipelines - set(floor)]
    sentences += [
        f"{source} imports {target}, which is above it: {min(imports[source, target])}"
        for source, target in inner
        if floor.get(source, 0) > floor.get(target, 0)
    ]
    if members := circle(imports):
        sentences.append(f"a circle among {', '.join(sorted(members))}")
    return sorted(sentences)


def circle(imports: Iterable[Arrow]) -> set[str]:
    """The rooms that are left after removing those that import no remaining one, repeatedly."""
    left = {source for source, _ in imports}
    while outer := {name for name in left if not any(a == name and b in left for a, b in imports)}:
        left -= outer
    return left


if __name__ == "__main__":
    sys.exit(main())
