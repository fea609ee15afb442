"""One loaded version of a model: its signatures, ready to be called with arrays."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from serving.errors import LoadError
from serving.servables import repository, version_files, warmup
from serving.servables.signature import Signature, readable_message

INIT_OP = "__saved_model_init_op"  # listed among the signatures, but not callable


@dataclass(frozen=True)
class Servable:
    """A loaded SavedModel.

    Args:
        signatures: its functions by name.
        metadata: the content of signature.json; empty if there is none.
        saved_model: owns the variables of the functions, which must not be freed before them.
    """

    signatures: Mapping[str, Signature]
    metadata: dict
    saved_model: object


def set_threads_per_op(count: int) -> None:
    """Sets TensorFlow's threads for one operation, for the whole process, before its first call.

    Sharing a small operation among threads costs more than it gains. How many operations run
    concurrently is left to TensorFlow: with a single thread, a call of a slow model would block
    the calls of all other models.
    """
    tf.config.threading.set_intra_op_parallelism_threads(count)


def load(folder: Path) -> Servable:
    """Loads a version and warms it up. Raises LoadError with the reason."""
    if repository.is_damaged(folder):
        raise LoadError(f"{folder}: its files differ from the digest in {repository.CONTENT}")
    try:
        metadata = version_files.read_signature(folder) or {}
        for module in metadata.get("requires", ()):  # registers operations used in the graph
            importlib.import_module(module)
        servable = load_saved_model(folder, metadata)
        warmup.warm_up(servable.signatures, folder)
    except LoadError:
        raise
    except Exception as error:  # TensorFlow and a model's operations can raise anything
        raise LoadError(f"{folder}: cannot be loaded: {readable_message(error)}") from error
    return servable


def load_saved_model(folder: Path, metadata: dict) -> Servable:
    saved_model = tf.saved_model.load(str(folder))
    proto = SavedModel.FromString((folder / repository.GRAPH).read_bytes())
    definitions = proto.meta_graphs[0].signature_def
    signatures = {
        name: Signature.from_definition(name, definitions[name], function)
        for name, function in saved_model.signatures.items()
        if name != INIT_OP
    }
    if not signatures:
        raise LoadError(f"{folder}: the SavedModel has no signature; export it with at least one")
    return Servable(signatures, metadata, saved_model)
