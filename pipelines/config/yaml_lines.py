"""A YAML file whose errors name the line."""

import re
from pathlib import Path

import yaml

from pipelines.config import yaml_aliases
from pipelines.config.errors import UserError

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
            yaml_aliases.check_size(path, root)
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
