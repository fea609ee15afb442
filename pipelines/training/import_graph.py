"""The files of this project that a file needs, from its import statements."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.config import search_path

ROOT = Path(__file__).parents[2]
LOCAL = ("pipelines", "models", "serving")


def closure(
    entries: Iterable[str], root: Path = ROOT, graph: Mapping[str, set[str]] | None = None
) -> set[str]:
    """The entry files and all local files they import, directly or not, relative to the root.

    Args:
        entries: files.
        root: of the project.
        graph: `imports` of all files, where they have been read before.
    """
    needed: set[str] = set()
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        if path not in needed:
            needed.add(path)
            waiting += imports(path, root) if graph is None else graph[path]
    return needed


def imports(path: str, root: Path = ROOT) -> set[str]:
    """The local files that a file imports by its own statements, and the packages that it is in."""
    packages = (f"{folder.as_posix()}/__init__.py" for folder in Path(path).parents)
    return _local(root, path) | {package for package in packages if (root / package).is_file()}


def third_party(paths: Iterable[str], root: Path = ROOT) -> set[str]:
    """Top-level names of everything else that the files import."""
    names = {name.split(".")[0] for path in paths for name in _names(root / path)}
    return names - set(LOCAL)


def _local(root: Path, path: str) -> set[str]:
    files = set()
    local = {*LOCAL, *(name.split(".")[0] for name in search_path.extensions())}
    for name in _names(root / path):
        steps = name.split(".")
        if steps[0] in local:
            # Importing a.b.c runs a/__init__.py and a/b/__init__.py; c may be a name inside b.
            for end in range(1, len(steps) + 1):
                base = "/".join(steps[:end])
                candidates = (f"{base}/__init__.py", f"{base}.py")
                files |= {file for file in candidates if (root / file).is_file()}
    return files


def _names(path: Path) -> set[str]:
    names, waiting = set(), [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        waiting += node.orelse if _for_types(node) else ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _for_types(node: ast.AST) -> bool:
    """`if TYPE_CHECKING:`, whose body is never executed."""
    names = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return isinstance(node, ast.If) and ast.unparse(node.test) in names
