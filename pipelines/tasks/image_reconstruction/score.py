"""What a network gives to the images of a split."""

from pathlib import Path

from pipelines.spec import DataSpec
from pipelines.storage import trials
from pipelines.tasks.image_reconstruction.metrics import Outputs, score, train_codes, weights
from pipelines.tasks.image_reconstruction.with_code import with_code

__all__ = ["Outputs", "generate", "predict", "score", "weights"]

BATCH = 256


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path | None = None) -> Outputs:
    """Reconstructions and codes."""
    return Outputs(**_given(model, columns, spec))


def generate(model, train: dict, spec: DataSpec) -> dict:
    """The codes of train, among which those of test have their nearest; arguments of `Outputs`.

    Args:
        model: a network or an estimator.
        train: columns of the split.
        spec: of the data set.
    """
    if hasattr(model, "get_layer"):
        given = _given(model, train, spec)
    else:
        given = model.predict(trials.requests(train, spec))
    return train_codes(given["code"], train, spec)


def _given(model, columns: dict, spec: DataSpec) -> dict:
    images = trials.inputs(columns, spec)
    return with_code(model).predict(images, batch_size=BATCH, verbose=0)
