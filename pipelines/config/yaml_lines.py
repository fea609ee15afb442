"""A YAML file whose errors name the line."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.config.errors import UserError, one_of

MAX_SHOWN = 200  # characters of a value in a message
MAX_NODES = 200_000  # values of a file, aliases written out


MERGE = "tag:yaml.org,2002:merge"


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

    lines: key, as a tuple of texts -> its line. texts: key -> its scalar as it is written, without
    quotes: `1.10`, `yes`. key_texts: key of a mapping -> the keys in it, as read -> as written.

    Raises:
        UserError: not UTF-8, not valid YAML, not a mapping, a duplicate key, or too many aliases.
    """

    def __init__(self, path: Path):
        self.path = path
        self.lines: dict[tuple, int] = {}
        self.texts: dict[tuple, str] = {}
        self.key_texts: dict[tuple, dict] = {}
        try:
            text = path.read_text("utf-8")
            self._loader = Loader(text)
            root = self._loader.get_single_node()
            if not isinstance(root, yaml.MappingNode):
                raise UserError(
                    "yaml-not-a-mapping",
                    "the file is empty or not a mapping; see README.md for its sections",
                    path=path,
                )
            self._check_size(root)
            self._record(root, ())
            self.values: dict = self._loader.construct_document(root)
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
        except RecursionError:
            raise UserError(
                "yaml-too-deep", "nested too deeply to be read; remove brackets or levels",
                path=path,
            ) from None  # fmt: skip

    def _check_size(self, root: yaml.Node) -> None:
        """Refuses aliases that, written out, make the file larger than anyone writes one."""
        sizes: dict[int, int] = {}
        for node in _children_first(root):
            sizes[id(node)] = 1 + sum(sizes.get(id(child), MAX_NODES) for child in _below(node))
            if sizes[id(node)] > MAX_NODES:
                raise UserError(
                    "yaml-aliases",
                    f"more than {MAX_NODES:,} values when its aliases (*name) are written out; "
                    "write the blocks without anchors, or make them smaller",
                    path=self.path, line=node.start_mark.line + 1,
                )  # fmt: skip

    def _record(self, node: yaml.Node, key: tuple) -> None:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            self.texts[key] = node.value
        elif isinstance(node, yaml.MappingNode):
            names = set()
            written = self.key_texts.setdefault(key, {})
            for name, value in node.value:
                if name.tag == MERGE:  # `<<: *block`: its keys are here as well
                    for block in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                        self._record(block, key)
                    continue
                if not isinstance(name, yaml.ScalarNode):
                    continue  # refused when values are made
                line, full_key = name.start_mark.line + 1, (*key, name.value)
                if name.value in names:
                    raise UserError(
                        "key-duplicate", "duplicate key; remove one of them",
                        path=self.path, line=line, key=".".join(full_key), value=name.value,
                    )  # fmt: skip
                names.add(name.value)
                written[self._loader.construct_object(name)] = name.value
                self.lines[full_key] = line
                self._record(value, full_key)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._record(value, (*key, str(number)))

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
        """The first of pydantic's errors as a UserError; see `validation_errors`."""
        return self.validation_errors(error, model, prefix)[0]

    def validation_errors(
        self, error: ValidationError, model: type[BaseModel], prefix: tuple = ()
    ) -> list[UserError]:
        """Pydantic's errors as UserErrors, one for each key.

        Args:
            error: what pydantic raised.
            model: what it validated.
            prefix: the key of the values that it validated.
        """
        # A misspelt key is reported as a missing one and as an unknown one; the latter says more.
        details = sorted(error.errors(), key=lambda item: item["type"] == "missing")
        unknown = [item["loc"] for item in details if item["type"] == "extra_forbidden"]
        errors: dict[str | None, UserError] = {}
        for item in details:
            if item["type"] == "missing" and _is_misspelt(item["loc"], unknown):
                continue
            problem = self._problem(item, model, prefix)
            errors.setdefault(problem.key, problem)
        # The arms of a union are reported one by one: the one that goes furthest is meant.
        return [
            problem
            for key, problem in errors.items()
            if not any(other and other.startswith(f"{key}.") for other in errors)
        ]

    def _problem(self, item: Mapping, model: type[BaseModel], prefix: tuple) -> UserError:
        key = prefix
        for step in item["loc"]:  # pydantic also names the arms of a union: those are not keys
            if (*key, str(step)) in self.lines:
                key = (*key, str(step))
        if item["type"] == "extra_forbidden":
            choices = one_of(key[-1], _fields(model, item["loc"][:-1]))
            return self.error("key-unknown", key, f"unknown key; {choices}", key[-1])
        if item["type"] == "missing":
            key = (*key, item["loc"][-1])
            return self.error("key-missing", key, "missing; add it", key[-1])
        problem, value = item["msg"].removeprefix("Value error, "), item["input"]
        message = f"{problem[0].lower()}{problem[1:]}; found {_short(value)}"
        return self.error("value-invalid", key, message, value)


def _is_misspelt(missing: tuple, unknown: Sequence[tuple]) -> bool:
    """Whether an unknown key beside a missing one is so alike that it is meant."""
    names = [str(loc[-1]) for loc in unknown if loc[:-1] == missing[:-1]]
    return bool(difflib.get_close_matches(str(missing[-1]), names, n=1))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from (name, value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _children_first(root: yaml.Node) -> Iterator[yaml.Node]:
    """Every node once, after the nodes below it; a node inside itself comes before itself."""
    seen, stack = {id(root)}, [(root, _below(root))]
    while stack:
        node, children = stack[-1]
        child = next((child for child in children if id(child) not in seen), None)
        if child is None:
            stack.pop()
            yield node
        else:
            seen.add(id(child))
            stack.append((child, _below(child)))


def _fields(model: type[BaseModel], loc: tuple) -> list[str]:
    """The field names accepted at `loc`, pydantic's path through the model."""
    for step in loc:
        model = _step_down(model, step)
    return list(model.model_fields)


def _step_down(annotation, step: str | int):
    """The annotation one step down: a field, a key, an index or an arm of a union."""
    arguments = get_args(annotation)
    if not arguments:
        return _plain(annotation.model_fields[step].annotation)
    if get_origin(annotation) in (Union, UnionType):
        return next(arm for arm in arguments if arm.__name__ == step)
    return _plain(arguments[-1])


def _plain(annotation):
    """Without the wrappers that pydantic does not name: Annotated[X, ...] and X | None."""
    arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
    if get_origin(annotation) is Annotated:
        return _plain(arguments[0])
    if get_origin(annotation) in (Union, UnionType) and len(arguments) == 1:
        return _plain(arguments[0])
    return annotation
