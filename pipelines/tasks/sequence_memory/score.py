"""What a network answers to the sequences of a split."""

import numpy as np
from scipy.special import softmax

from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.sequence_memory.answers import kind_of
from pipelines.tasks.sequence_memory.metrics import Outputs, score, weights

__all__ = ["Outputs", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision: DecisionRule, assets=None) -> Outputs:
    """Numbers or probabilities. decision, assets: there is nothing in them."""
    model.compile(jit_compile=False)  # as it is served, to the last bit
    (name,) = spec.inputs
    outputs = model.predict({name: np.asarray(columns[name])}, batch_size=256, verbose=0)
    if not np.isfinite(outputs).all():
        rows = int((~np.isfinite(outputs)).reshape(len(outputs), -1).any(axis=1).sum())
        raise UserError(
            "outputs-not-finite",
            f"{rows:,} of {len(outputs):,} answers are not finite; the model has diverged: lower "
            "fit.learning_rate or set fit.clip_norm",
            value=rows,
        )  # fmt: skip
    if kind_of(spec) == "number":
        return Outputs(outputs[:, 0])
    # The served graph answers in float32, so that is what is scored.
    return Outputs(softmax(outputs.astype(np.float64), axis=-1).astype(np.float32))
