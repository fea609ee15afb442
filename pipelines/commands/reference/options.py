"""Options with type, default, range and meaning: of recipes, builders and objectives."""

import ast
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pipelines.commands.reference import meanings, types
from pipelines.config import argument_types, loader, search_path, signatures

REQUIRED = "required"


class Option(NamedTuple):
    """name: with dots inside of blocks. default: as YAML has it, or `required`."""

    name: str
    type: str
    default: str
    range: str
    meaning: str


def of_recipe(name: str) -> list[Option]:
    module = loader.recipe(name)
    return list(of_model(module.Options, meanings.of_module(module.__doc__ or "")))


def of_model(
    model: type[BaseModel], table: Mapping[str, str], prefix: str = ""
) -> Iterator[Option]:
    """The fields of a pydantic model, and those of the blocks inside it.

    Args:
        model: the class.
        table: further meanings, of the module's docstring.
        prefix: of their names.
    """
    known = _meanings(model) | ({} if prefix else dict(table))
    # Those of the class itself come before inherited ones.
    for name in dict.fromkeys([*vars(model).get("__annotations__", {}), *model.model_fields]):
        if name not in model.model_fields:
            continue
        field = model.model_fields[name]
        kind, limits = types.described(field.annotation, field.metadata)
        blocks = types.nested(field.annotation)
        full_name = f"{prefix}{name}"
        meaning = field.description or known.get(name, "")
        if not meaning and blocks:
            meaning = (blocks[0].__doc__ or "").partition("\n\n")[0].partition(". ")[0]
            meaning = "" if ":" in meaning else " ".join(meaning.split())
        yield Option(full_name, kind, _default(field), limits, meaning)
        for block in blocks:
            # A mapping of blocks has keys that the user gives.
            step = "NAME." if kind.startswith("mapping") else ""
            yield from of_model(block, table, f"{full_name}.{step}")


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """From the tables of the modules of a model and its bases, then from their docstrings."""
    known: dict[str, str] = {}
    for base in reversed(model.__mro__):
        module = sys.modules.get(base.__module__)
        if issubclass(base, BaseModel) and base is not BaseModel:
            known |= meanings.of_module(getattr(module, "__doc__", None) or "")
    return known | meanings.of_class(model, model.model_fields)


def _default(field: Any) -> str:
    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True)
    return "" if value is PydanticUndefined else _yaml(value)


def _yaml(value: Any) -> str:
    """A value in one line, as it would be in the params file; of a block nothing."""
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, dict) and any(isinstance(item, BaseModel) for item in value.values()):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return value if value.isidentifier() or "-" in value else json.dumps(value)
    return json.dumps(value, ensure_ascii=False, default=list)


def of_builder(module: str, builder: str) -> list[Option]:
    """The keyword-only arguments of a builder."""
    functions = signatures.parsed_functions(search_path.file("models", module))
    return list(_of_function(functions[builder]))


def of_objective(task: str) -> dict[str, list[Option]]:
    """Section of an experiment -> the arguments of its function."""
    functions = signatures.objective_functions(search_path.file("tasks", task) / "objective.py")
    return {
        section: list(_of_function(functions[name]))
        for section, name in signatures.OBJECTIVE_FUNCTIONS.items()
    }


def _of_function(function: ast.FunctionDef) -> Iterator[Option]:
    known = meanings.of_function(function)
    for name, (argument, default) in signatures.parameters(function).items():
        annotation = argument_types.annotation(argument, default)
        kind, limits = ("any value", "") if annotation is None else types.described(annotation)
        text = REQUIRED if default is None else _source(default)
        yield Option(name, kind, text, limits, known.get(name, ""))


def _source(default: ast.expr) -> str:
    try:
        return _yaml(ast.literal_eval(default))
    except ValueError:
        return ast.unparse(default)


def summary(path: Path) -> str:
    """The first sentence of a module's docstring, without importing it."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def of_schema(name: str) -> list[Option]:
    """A block of the params file: Dataset, Experiment, Fit, ..."""
    schema = importlib.import_module("pipelines.config.schema")
    return list(of_model(getattr(schema, name), {}))
