"""One loaded version of a model: its signatures, ready to be called with arrays."""

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from serving.errors import LoadError, listed
from serving.servables import operations, repository, version_files, warmup
from serving.servables.signature import DESCRIBED, Signature, readable_message
from serving.servables.text_generator import TextGenerator

# Threads that wait cost nothing; a graph of this project decodes 4 images at a time.
CONCURRENT_OPERATIONS = 16
INIT_OP = "__saved_model_init_op"  # listed among the signatures, but not callable


@dataclass(frozen=True)
class Servable:
    """A loaded SavedModel.

    Args:
        signatures: its functions by name.
        metadata: the content of signature.json; empty if there is none.
        saved_model: owns the variables of the functions, which must not be freed before them.
        generator: what makes texts token by token, if the signatures do.
    """

    signatures: Mapping[str, Signature]
    metadata: dict
    saved_model: object
    generator: TextGenerator | None = None


def set_threads(per_operation: int) -> None:
    """Sets TensorFlow's threads for the whole process, before its first call.

    Sharing a small operation among threads costs more than it gains. Operations of all models run
    on the same threads, by default as many as there are cores, and a graph that decodes images
    takes as many as it decodes at a time: the calls of all other models would wait for it.
    """
    tf.config.threading.set_intra_op_parallelism_threads(per_operation)
    tf.config.threading.set_inter_op_parallelism_threads(CONCURRENT_OPERATIONS)


def load(
    folder: Path,
    allowed_operations: Collection[str] = (),
    allowed_modules: Collection[str] = operations.MODULES,
) -> Servable:
    """Loads a version and warms it up.

    Args:
        folder: the version.
        allowed_operations: refused operations that its graph may have nevertheless.
        allowed_modules: modules that may be imported for it.

    Raises:
        LoadError: the reason for which it cannot be loaded.
    """
    try:
        check_files(folder)
        metadata = version_files.read_signature(folder) or {}
        modules = metadata.get("requires", ())  # they register operations used in the graph
        operations.check_modules(modules, allowed_modules)
        for module in modules:
            importlib.import_module(module)
        graph = (folder / repository.GRAPH).read_bytes()
        definitions = operations.check_graph(graph, allowed_operations).meta_graphs[0].signature_def
        servable = load_saved_model(folder, metadata, definitions)
        warmup.warm_up(servable.signatures, folder)
    except LoadError as error:
        message = str(error)
        raise LoadError(
            message if message.startswith(str(folder)) else f"{folder}: {message}"
        ) from None
    except Exception as error:  # TensorFlow and a model's operations can raise anything
        raise LoadError(f"{folder}: cannot be loaded: {readable_message(error)}") from error
    return servable


def check_files(folder: Path) -> None:
    """Raises LoadError for files that cannot be read or were changed since they were published."""
    if irregular := repository.irregular_files(folder):
        raise LoadError(
            f"{folder}: {listed(irregular):.200}: neither a file nor a folder; named pipes, "
            "devices and links to nothing are not accepted"
        )
    if repository.is_damaged(folder):
        raise LoadError(f"{folder}: its files differ from the digest in {repository.CONTENT}")


def load_saved_model(folder: Path, metadata: dict, definitions: Mapping) -> Servable:
    """definitions: the SignatureDef messages by name."""
    saved_model = tf.saved_model.load(str(folder))
    signatures = {
        name: Signature.from_definition(
            name, definitions[name], function, described_inputs(metadata, name)
        )
        for name, function in saved_model.signatures.items()
        if name != INIT_OP
    }
    if not signatures:
        raise LoadError(f"{folder}: the SavedModel has no signature; export it with at least one")
    return Servable(signatures, metadata, saved_model, TextGenerator.of(signatures))


def described_inputs(metadata: dict, signature: str) -> dict[str, dict[str, Any]]:
    """{input: its DESCRIBED}, as far as signature.json gives them."""
    inputs = metadata.get("signatures", {}).get(signature, {}).get("inputs", {})
    return {
        name: {key: fields[key] for key in DESCRIBED if fields.get(key) is not None}
        for name, fields in inputs.items()
    }
