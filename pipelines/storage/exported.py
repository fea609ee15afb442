"""An exported model's folder: model/ and signature.json, which says what goes in and comes out."""

import importlib
import json
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.storage import arrays

SCHEMA_VERSION = 1  # of signature.json and golden.json; raised when keys or their meaning change


def read_contract(path: Path) -> dict:
    """signature.json.

    Raises:
        UserError: another version of this code wrote it.
    """
    contract = json.loads(path.read_text("utf-8"))
    version = contract.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UserError(
            "schema-version-unknown",
            f"written in version {version} of the format, this code reads version "
            f"{SCHEMA_VERSION}; run the export stage again",
            path=path, key="schema_version", value=version,
        )  # fmt: skip
    return contract


def check_digest(model: Path, contract: dict) -> None:
    """Refuses a SavedModel that is not the one that signature.json was written for."""
    if (digest := arrays.digest(model)) != contract["digest"]:
        raise UserError(
            "model-altered",
            f"its content is {digest[:12]}, but signature.json was written for "
            f"{contract['digest'][:12]}; it is not loaded; run the export stage again",
            path=model, value=digest,
        )  # fmt: skip


def import_required(contract: dict) -> None:
    """Imports the libraries whose operations are in the graph, before it is loaded."""
    for library in contract.get("requires", ()):
        importlib.import_module(library)
