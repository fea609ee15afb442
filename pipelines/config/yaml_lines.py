"""A YAML file whose errors name the line."""

import re
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.config.errors import UserError, one_of


class Loader(yaml.SafeLoader):
    """YAML 1.1, but floats as in YAML 1.2, which DVC reads: 5e-1 is a number, not a text."""


FLOAT = "tag:yaml.org,2002:float"
Loader.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in resolvers if tag != FLOAT]
    for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    FLOAT,
    re.compile(
        r"[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?$|[-+]?\d[\d_]*[eE][-+]?\d+$"
        r"|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


class YamlFile:
    """The values of a YAML file, and the line of each key.

    Raises:
        UserError: not UTF-8, not valid YAML, not a mapping, or a duplicate key.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            text = path.read_text("utf-8")
            self.values = Loader(text).get_single_data()
            root = yaml.compose(text, Loader)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise UserError(
                "encoding-wrong", "not UTF-8; save the file as UTF-8", path=path, line=line
            ) from None
        except (yaml.reader.ReaderError, yaml.MarkedYAMLError) as error:
            if isinstance(error, yaml.reader.ReaderError):
                line, problem = text[: error.position].count("\n") + 1, error.reason
            else:
                mark = error.problem_mark or error.context_mark
                line, problem = mark.line + 1 if mark else 1, error.problem
            raise UserError(
                "yaml-invalid", f"not valid YAML, {problem}; fix the indentation or quotes",
                path=path, line=line,
            ) from None  # fmt: skip
        if root is None or not isinstance(self.values, dict):
            raise UserError(
                "yaml-not-a-mapping",
                "the file is empty or not a mapping; see README.md for its sections",
                path=path,
            )
        self.lines: dict[tuple, int] = {}
        self._record_lines(root, ())

    def _record_lines(self, node: yaml.Node, key: tuple) -> None:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            names = set()
            for name, value in node.value:
                line, full_key = name.start_mark.line + 1, (*key, name.value)
                if name.value in names:
                    raise UserError(
                        "key-duplicate", "duplicate key; remove one of them",
                        path=self.path, line=line, key=".".join(full_key), value=name.value,
                    )  # fmt: skip
                names.add(name.value)
                self.lines[full_key] = line
                self._record_lines(value, full_key)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._record_lines(value, (*key, str(number)))

    def error(self, code: str, key: tuple, message: str, value: object = None) -> UserError:
        """An error at a key; its line is that of the nearest key above it in the file."""
        names = tuple(map(str, key))
        known = names
        while known not in self.lines:
            known = known[:-1]
        return UserError(
            code, message, path=self.path, line=self.lines[known], key=".".join(names), value=value
        )

    def validation_error(
        self, error: ValidationError, model: type[BaseModel], prefix: tuple = ()
    ) -> UserError:
        """The first of pydantic's errors as a UserError.

        Args:
            error: what pydantic raised.
            model: what it validated.
            prefix: the key of the values that it validated.
        """
        # A misspelt key is reported as a missing one and as an unknown one; the latter says more.
        first = min(error.errors(), key=lambda details: details["type"] == "missing")
        key = prefix
        for step in first["loc"]:  # pydantic also names the arms of a union: those are not keys
            if (*key, str(step)) in self.lines:
                key = (*key, str(step))
        if first["type"] == "extra_forbidden":
            choices = one_of(key[-1], _fields(model, first["loc"][:-1]))
            return self.error("key-unknown", key, f"unknown key; {choices}", key[-1])
        if first["type"] == "missing":
            key = (*key, first["loc"][-1])
            return self.error("key-missing", key, "missing; add it", key[-1])
        problem, value = first["msg"].removeprefix("Value error, "), first["input"]
        message = f"{problem[0].lower()}{problem[1:]}; found {value!r}"
        return self.error("value-invalid", key, message, value)


def _fields(model: type[BaseModel], loc: tuple) -> list[str]:
    """The field names accepted at `loc`, pydantic's path through the model."""
    for step in loc:
        model = _below(model, step)
    return list(model.model_fields)


def _below(annotation, step: str | int):
    """The annotation one step down: a field, a key, an index or an arm of a union."""
    arguments = get_args(annotation)
    if not arguments:
        return _plain(annotation.model_fields[step].annotation)
    if get_origin(annotation) in (Union, UnionType):
        return next(arm for arm in map(_plain, arguments) if arm.__name__ == step)
    return _plain(arguments[-1])


def _plain(annotation):
    """Without the wrappers that pydantic does not name: Annotated[X, ...] and X | None."""
    arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
    if get_origin(annotation) is Annotated:
        return _plain(arguments[0])
    if get_origin(annotation) in (Union, UnionType) and len(arguments) == 1:
        return _plain(arguments[0])
    return annotation
