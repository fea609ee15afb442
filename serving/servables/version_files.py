"""Files beside a SavedModel: signature.json describes it, golden.json has examples with answers.

Both carry `schema_version`. A version from another publisher may lack either file; a file with
another schema version is refused, because its fields could mean something else.

signature.json: {"schema_version": 1, "task": str, "labels": [class names], "requires": [modules to
import before loading], "signatures": {name: {"inputs" | "outputs": {tensor: {"kind", "unit", and of
inputs "max_length": largest size of a dimension that the signature leaves open, "max_bytes": what
is read of a text, "max_pixels": of an image, "minimum" and "maximum": of a number, "default": of a
parameter of `servables.text_generator`}}}}}
golden.json: {"schema_version": 1, "inputs": {tensor: rows}, "outputs": {tensor: rows}}, in the
column form of the REST interface; bytes are {"b64": ...}.
"""

import json
from pathlib import Path

from pydantic import BaseModel

from serving.errors import LoadError
from serving.servables import version_schema
from serving.servables.repository import GOLDEN, SIGNATURE

SCHEMA_VERSION = 1
# What an output holds; the page chooses its display by it. Other kinds are shown as tables.
OUTPUT_KINDS = (
    *("label", "probability", "probabilities", "text", "series", "quantiles", "mask"),
    *("pixels", "ranking", "score"),
)


def read_signature(version: Path) -> dict | None:
    """The content of signature.json; None if the version has no such file."""
    return _read(version / SIGNATURE, version_schema.SignatureFile)


def read_golden(version: Path) -> dict | None:
    """The content of golden.json; None if the version has no such file."""
    return _read(version / GOLDEN, version_schema.GoldenFile)


def _read(path: Path, schema: type[BaseModel]) -> dict | None:
    """Raises LoadError for a file that does not match the schema or has another schema version."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path}: not JSON: {error}") from None
    except OSError as error:
        raise LoadError(f"{path}: cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise LoadError(f"{path}: found {type(content).__name__}, expected a JSON object")
    schema_version = content.get("schema_version")
    if schema_version != SCHEMA_VERSION or isinstance(schema_version, bool):
        shown = "none" if schema_version is None else repr(schema_version)[:40]
        raise LoadError(
            f"{path}: schema_version: found {shown}, accepted {SCHEMA_VERSION}; export the model "
            f"again (`dvc repro --force --single-item export@{path.parent.parent.name}`) and "
            "publish it (`make serve`)"
        )
    version_schema.check(content, schema, path)
    return content
