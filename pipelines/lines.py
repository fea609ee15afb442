"""A YAML file whose mistakes can be named by line."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.checks import Refused, one_of


class Lines:
    """The values of a YAML file, and the line on which each key stands."""

    def __init__(self, path: Path):
        self.path = path
        text = path.read_text("utf-8")
        try:
            self.values = yaml.safe_load(text)
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or str(error)
            raise Refused(
                f"{path}{line}: not valid YAML, {problem}; mend the indentation or quotes"
            ) from None
        if not isinstance(self.values, dict):
            raise Refused(
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
                    raise Refused(
                        f"{self.path}:{line}: {'.'.join((*where, key.value))} stands twice"
                    )
                seen.add(key.value)
                self.lines[(*where, key.value)] = line
                self._walk(value, (*where, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._walk(value, (*where, str(number)))

    def at(self, where: tuple, message: str) -> Refused:
        known = tuple(map(str, where))
        while known not in self.lines:
            known = known[:-1]
        return Refused(f"{self.path}:{self.lines[known]}: {'.'.join(map(str, where))}: {message}")

    def refusal(
        self, error: ValidationError, model: type[BaseModel], prefix: tuple = ()
    ) -> Refused:
        """The first of pydantic's findings, in the words of this project."""
        first = error.errors()[0]
        where = (*prefix, *first["loc"])
        if first["type"] == "extra_forbidden":
            choices = _fields(model, first["loc"][:-1])
            return self.at(where, f"unknown key; {one_of(where[-1], choices)}")
        if first["type"] == "missing":
            return self.at(where, "missing; add it")
        found = f"found {first['input']!r}"
        return self.at(where, f"{first['msg'].lower()}; {found}")


def _fields(model: type[BaseModel], loc: tuple) -> list[str]:
    """The field names accepted where a finding lies, following its path through the model."""
    for step in loc:
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            model = model.model_fields[step].annotation
        model = _inner(model)
    return list(model.model_fields)


def _inner(annotation):
    """The model inside dict[str, Model], list[Model] and Model | None."""
    while not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        arguments = [a for a in getattr(annotation, "__args__", ()) if a is not type(None)]
        if not arguments:
            return annotation
        annotation = arguments[-1]
    return annotation
