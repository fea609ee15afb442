"""A YAML file whose mistakes can be named by line."""

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.config.errors import UserError, one_of


class Lines:
    """The values of a YAML file, and the line on which each key stands."""

    def __init__(self, path: Path):
        self.path = path
        try:
            text = path.read_text("utf-8")
            self.values = yaml.safe_load(text)
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise UserError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
        except yaml.YAMLError as error:
            if isinstance(error, yaml.reader.ReaderError):
                line, problem = text[: error.position].count("\n") + 1, error.reason
            else:
                line, problem = error.problem_mark.line + 1, error.problem
            raise UserError(
                f"{path}:{line}: not valid YAML, {problem}; mend the indentation or quotes"
            ) from None
        if not isinstance(self.values, dict):
            raise UserError(
                f"{path}: the file is empty or not a mapping; see README.md for its sections"
            )
        self.lines: dict[tuple, int] = {}
        self._walk(root, ())

    def _walk(self, node: yaml.Node, where: tuple) -> None:
        self.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise UserError(
                        f"{self.path}:{line}: {'.'.join((*where, key.value))} stands twice"
                    )
                seen.add(key.value)
                self.lines[(*where, key.value)] = line
                self._walk(value, (*where, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._walk(value, (*where, str(number)))

    def at(self, where: tuple, message: str) -> UserError:
        known = tuple(map(str, where))
        while known not in self.lines:
            known = known[:-1]
        return UserError(f"{self.path}:{self.lines[known]}: {'.'.join(map(str, where))}: {message}")

    def refusal(
        self, error: ValidationError, model: type[BaseModel], prefix: tuple = ()
    ) -> UserError:
        """The first of pydantic's findings, in the words of this project."""
        # A misspelt key is found as a missing one and as an unknown one; the second says more.
        first = min(error.errors(), key=lambda finding: finding["type"] == "missing")
        where = prefix
        for step in first["loc"]:  # pydantic also names the arms of a union: those are no keys
            if (*where, str(step)) in self.lines:
                where = (*where, str(step))
        if first["type"] == "extra_forbidden":
            choices = _fields(model, first["loc"][:-1])
            return self.at(where, f"unknown key; {one_of(where[-1], choices)}")
        if first["type"] == "missing":
            return self.at((*where, first["loc"][-1]), "missing; add it")
        problem = first["msg"].removeprefix("Value error, ")
        return self.at(where, f"{problem[0].lower()}{problem[1:]}; found {first['input']!r}")


def _fields(model: type[BaseModel], loc: tuple) -> list[str]:
    """The field names accepted where a finding lies, following its path through the model."""
    for step in loc:
        model = _below(model, step)
    return list(model.model_fields)


def _below(annotation, step: str | int):
    """The annotation of what stands under a field, a key, a number or an arm of a union."""
    arguments = get_args(annotation)
    if not arguments:
        return _plain(annotation.model_fields[step].annotation)
    if get_origin(annotation) in (Union, UnionType):
        return next(arm for arm in arguments if arm.__name__ == step)
    return _plain(arguments[-1])


def _plain(annotation):
    """Without the wrappings that pydantic does not name: Annotated[X, ...] and X | None."""
    arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
    if get_origin(annotation) is Annotated:
        return _plain(arguments[0])
    if get_origin(annotation) in (Union, UnionType) and len(arguments) == 1:
        return _plain(arguments[0])
    return annotation
