"""Schemas of signature.json and golden.json, checked before a version is served.

Only the fields that the server reads are described; others may have any value. All text must be
encodable as UTF-8: a lone surrogate would fail later, in each answer that contains it.
"""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.errors import LoadError

Number = Annotated[float, Field(allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(strict=True, ge=1)]
Text = Annotated[str, Field(strict=True, max_length=1000)]


class Described(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class TensorFields(Described):
    """Limits and default: see `servables.signature.TensorSpec`."""

    kind: Text | None = None
    unit: Any = None
    max_length: PositiveInt | None = None
    max_bytes: PositiveInt | None = None
    max_pixels: PositiveInt | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    default: Any = None


class SignatureFields(Described):
    inputs: dict[str, TensorFields] = {}
    outputs: dict[str, TensorFields] = {}


class SignatureFile(Described):
    task: Text | None = None
    labels: list[Any] | None = None
    requires: list[Text] = []
    signatures: dict[str, SignatureFields] = {}


class GoldenFile(Described):
    """At least one row for each input: the first is the example of the page and of `announce`."""

    inputs: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]
    outputs: dict[str, list[Any]]


def check(content: dict, schema: type[BaseModel], path) -> None:
    """Raises LoadError with the first field that does not match.

    Args:
        content: the parsed file.
        schema: what it must match.
        path: the file, for the message.
    """
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        message = "has a lone surrogate, which is no Unicode character; write the text again"
        raise LoadError(f"{path}: {message}") from None
    try:
        schema.model_validate(content)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(map(str, detail["loc"]))
        message = f"{place:.200}: {detail['msg']}; found {detail['input']!r:.80}"
        raise LoadError(f"{path}: {message}") from None
