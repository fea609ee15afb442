"""One loaded version of a model: its signatures, ready to be called with arrays."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from serving.errors import LoadError
from serving.servables import repository, warmup
from serving.servables.signature import Signature, sentence

INITIALISATION = "__saved_model_init_op"  # listed among signatures, but no function


@dataclass(frozen=True)
class Servable:
    """about: signature.json, or empty. keep: what the functions' variables hang on."""

    signatures: Mapping[str, Signature]
    about: dict
    keep: object


def use_threads(count: int) -> None:
    """For the whole process, before its first call. Handing parts of small operations to other
    threads costs more than it gains; how many operations run side by side is TensorFlow's choice,
    for with one thread a slow model's call would hold up those of all others."""
    tf.config.threading.set_intra_op_parallelism_threads(count)


def load(folder: Path) -> Servable:
    """Loads a version and proves it. Raises LoadError, naming what is wrong."""
    if repository.damaged(folder):
        raise LoadError(f"{folder}: its files are not those that {repository.CONTENT} was made of")
    try:
        about = warmup.read(folder / repository.SIGNATURE) or {}
        for library in about.get("requires", ()):  # whose operations are in the graph
            importlib.import_module(library)
        servable = opened(folder, about)
        warmup.prove(servable.signatures, folder)
    except LoadError:
        raise
    except Exception as error:  # a foreign model: anything can come out of TensorFlow or its ops
        raise LoadError(f"{folder}: cannot be served: {sentence(error)}") from error
    return servable


def opened(folder: Path, about: dict) -> Servable:
    loaded = tf.saved_model.load(str(folder))
    described = SavedModel.FromString((folder / repository.GRAPH).read_bytes())
    definitions = described.meta_graphs[0].signature_def
    signatures = {
        name: Signature.of(name, definitions[name], function)
        for name, function in loaded.signatures.items()
        if name != INITIALISATION
    }
    if not signatures:
        raise LoadError(f"{folder}: the SavedModel has no signatures, so nothing can be asked")
    return Servable(signatures, about, loaded)
