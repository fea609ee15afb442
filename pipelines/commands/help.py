"""`python -m pipelines help [NAME]`: every option with its type, default, range and meaning.

NAME is a recipe, a task, a module of models or a builder in it, a stage or a command; or a section
of the params file: datasets, warm_starts, baselines, experiments, downloads, fit.
"""

import ast
import contextlib
import importlib
import io
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipelines.commands.reference import options as reference
from pipelines.commands.reference.options import REQUIRED, Option
from pipelines.config import search_path, signatures
from pipelines.config.errors import UserError, one_of

ROOMS = {"stage": Path(__file__).parents[1] / "stages", "command": Path(__file__).parent}
HELPERS = ("check_", "init_", "dvc_lock", "promotion", "readme_rows", "source_heads",
           "surroundings", "targets")  # fmt: skip  # files that are no stage or command
SECTIONS = {
    "datasets": "Dataset", "warm_starts": "WarmStart", "baselines": "Baselines",
    "experiments": "Experiment", "downloads": "Download", "fit": "Fit", "params": "Params",
}  # fmt: skip
MAX_WIDTH = 100


def run(arguments: Sequence[str]) -> None:
    """Prints what there is to know of a name.

    Raises:
        UserError: `topic-unknown`.
    """
    if not arguments or arguments[0].startswith("-"):
        print(overview())
        return
    for name in arguments:
        pages = topics().get(name)
        if not pages:
            raise UserError(
                "topic-unknown", f"nothing has the name {name!r}; {one_of(name, topics())}",
                key="help", value=name,
            )  # fmt: skip
        print("\n\n".join(page() for page in pages))


def topics() -> dict[str, list[Callable[[], str]]]:
    """Name -> functions that make its pages: a name may be that of a module and of a builder."""
    pages: dict[str, list[Callable[[], str]]] = {}

    def add(name: str, page: Callable[..., str], *arguments) -> None:
        pages.setdefault(name, []).append(lambda: page(*arguments))

    for name in search_path.names("datasets"):
        add(name, recipe, name)
    for name in search_path.names("tasks"):
        add(name, task, name)
    for name in search_path.names("models"):
        add(name, module, name)
        for builder in signatures.builders(name):
            if builder != name:
                add(builder, builder_page, name, builder)
    for section in SECTIONS:
        add(section, block, section)
    for kind in ROOMS:
        for name in names_of(kind):
            add(name, command, kind, name)
    add("models", listing, "models")
    add("tasks", listing, "tasks")
    return pages


def names_of(kind: str) -> list[str]:
    """The stages or the commands."""
    names = (path.stem for path in sorted(ROOMS[kind].glob("*.py")))
    return [name for name in names if not name.startswith(("_", *HELPERS))]


def overview() -> str:
    """What there is to ask for."""
    lines = [(__doc__ or "").strip(), ""]
    groups = {
        "commands": names_of("command"), "stages": names_of("stage"), "sections": SECTIONS,
        "recipes": search_path.names("datasets"), "tasks": search_path.names("tasks"),
        "modules": search_path.names("models"),
    }  # fmt: skip
    for group, names in groups.items():
        lines.append(_filled(", ".join(names), f"{group:<10}"))
    return "\n".join(lines)


def recipe(name: str) -> str:
    path = search_path.file("datasets", name)
    return page(f"{name}: a recipe, {_shown(path)}", path, reference.of_recipe(name))


def module(name: str) -> str:
    path = search_path.file("models", name)
    builders = [builder_page(name, builder) for builder in signatures.builders(name)]
    title = f"{name}: a module of models, {_shown(path)}"
    return "\n\n".join([f"{title}\n{_filled(reference.summary(path))}", *builders])


def builder_page(name: str, builder: str) -> str:
    path = search_path.file("models", name)
    text = ast.get_docstring(signatures.parsed_functions(path)[builder]) or ""
    title = f"{builder}: a builder (module: {name}, build: {{builder: {builder}}})"
    return _page(title, text.split("\n\nArgs:")[0], reference.of_builder(name, builder))


def task(name: str) -> str:
    info = importlib.import_module(f"{search_path.module_name('tasks', name)}.info").INFO
    lines = [f"{name}: a task. {info.title}; champions are chosen by {info.primary_metric}"]
    for section, options in reference.of_objective(name).items():
        lines.append(_page(f"`{section}` of an experiment", "", options))
    return "\n\n".join(lines)


def block(section: str) -> str:
    """A section of the params file, and the names that its entries use."""
    title = f"{section}: a section of the params file" + (
        "" if section in ("fit", "params") else ", one block for each entry"
    )
    text = _page(title, "", reference.of_schema(SECTIONS[section]))
    lists = {"datasets": ["datasets"], "experiments": ["tasks", "models"]}
    return "\n\n".join([text, *map(listing, lists.get(section, ()))])


def listing(room: str) -> str:
    """All recipes, tasks or model modules with a sentence each."""
    title = {"datasets": "Recipes", "tasks": "Tasks", "models": "Modules and their builders"}[room]
    names = search_path.names(room)
    width = max(map(len, names))
    lines = []
    for name in names:
        path = search_path.file(room, name)
        text = reference.summary(path / "__init__.py" if room == "tasks" else path)
        if room == "models":
            text = f"{', '.join(signatures.builders(name))}. {text}"
        lines.append(_filled(text, f"  {name:<{width}}"))
    return "\n".join([f"{title} (`python -m pipelines help NAME`):", *lines])


def command(kind: str, name: str) -> str:
    path = ROOMS[kind] / f"{name}.py"
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    usage = f"{name} KEY [--params FILE]" if kind == "stage" else f"{name} [--params FILE]"
    text = ast.get_docstring(tree) or ""
    if "parse" in functions and kind == "command":
        return f"{name}: a command\n{_usage(name)}"
    return f"{name}: a {kind}, python -m pipelines {usage}\n{text}"


def _usage(name: str) -> str:
    """What `--help` of a command prints."""
    output = io.StringIO()
    parse = importlib.import_module(f"pipelines.commands.{name}").parse
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        parse(["--help"])
    return output.getvalue().strip()


def page(title: str, path: Path, options: Sequence[Option]) -> str:
    """A recipe: what its docstring says beside the table of options, and the options."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    prose = [part for part in text.split("\n\n") if not part.startswith(("options", "    "))]
    return _page(title, "\n\n".join(prose), options)


def _page(title: str, text: str, options: Sequence[Option]) -> str:
    lines = [title, *([text.strip()] if text.strip() else [])]
    lines += ["", *_rows(options)] if options else ["", "  no options"]
    return "\n".join(lines)


def _rows(options: Sequence[Option]) -> Iterator[str]:
    """Two lines or more for each option: what it takes, and what it means."""
    width = max(len(option.name) for option in options)
    for option in options:
        default = option.default and (
            REQUIRED if option.default == REQUIRED else f"default {option.default}"
        )
        facts = "; ".join(filter(None, [option.type, option.range, default]))
        name = f"  {option.name:<{width}}"
        yield _filled(facts, name)
        if option.meaning:
            yield _filled(option.meaning.rstrip("."), " " * len(name))


def _filled(text: str, start: str = "") -> str:
    """Text that is wrapped beside its start."""
    columns = min(shutil.get_terminal_size((MAX_WIDTH, 24)).columns, MAX_WIDTH)
    indent = f"{start}  " if start else ""
    return textwrap.fill(
        text, max(columns, len(indent) + 30), initial_indent=indent,
        subsequent_indent=" " * len(indent), break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _shown(path: Path) -> str:
    root = Path(__file__).parents[2]
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
