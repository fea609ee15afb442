"""Labels and names as they are written: `positive: 1`, `no` and `2024-01-01` are texts there.

YAML reads them as a number, a truth value and a date. Where an annotation says `Label`, the text of
the file is taken: `1.10` stays 1.10, and `no` is no.
"""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator

from pipelines.config.yaml_lines import YamlFile

MARK = "as written"  # in an annotation: this text may be written without quotes


def _text(value: Any) -> Any:
    """A whole number as text, where options are not from a file."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Label = Annotated[str, MARK, BeforeValidator(_text)]


def as_written(file: YamlFile, key: tuple, annotation: Any, value: Any) -> Any:
    """The value, with the texts of the file where the annotation says `Label`.

    Args:
        file: that the value is from.
        key: of the value in the file.
        annotation: a type: a pydantic model, or of the standard library.
        value: as YAML was read.
    """
    for kind in _arms(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, Mapping):
            fields = kind.model_fields
            return {
                name: as_written(file, (*key, str(name)), _annotation(fields[name]), item)
                if name in fields
                else item
                for name, item in value.items()
            }
        if get_origin(kind) is Annotated and MARK in kind.__metadata__ and _is_scalar(value):
            return file.texts.get(key, value)
        if get_origin(kind) is dict and isinstance(value, Mapping):
            return _mapping(file, key, kind, value)
        if get_origin(kind) in (list, tuple, Sequence) and isinstance(value, list):
            return [
                as_written(file, (*key, str(place)), get_args(kind)[0], item)
                for place, item in enumerate(value)
            ]
    return value


def _mapping(file: YamlFile, key: tuple, kind: Any, values: Mapping) -> dict:
    name_kind, item_kind = get_args(kind)
    written = file.key_texts.get(key, {})
    is_label = any(
        get_origin(arm) is Annotated and MARK in arm.__metadata__ for arm in _arms(name_kind)
    )
    return {
        (written.get(name, name) if is_label else name): as_written(
            file, (*key, written.get(name, str(name))), item_kind, item
        )
        for name, item in values.items()
    }


def _arms(annotation: Any) -> list:
    """The arms of a union; an annotation with other metadata is what it annotates."""
    if get_origin(annotation) in (Union, UnionType):
        return [arm for inner in get_args(annotation) for arm in _arms(inner)]
    if get_origin(annotation) is Annotated and MARK not in annotation.__metadata__:
        return _arms(get_args(annotation)[0])
    return [annotation]


def _annotation(field) -> Any:
    """The annotation of a pydantic field, whose metadata pydantic has taken out of it."""
    return Annotated[field.annotation, MARK] if MARK in field.metadata else field.annotation


def _is_scalar(value: Any) -> bool:
    return value is not None and not isinstance(value, str | Mapping | list)
