"""Loss and metrics of a translator: the next sub-word, given those before it in the reference.

The decoder's input is the reference, not what the model itself would have predicted ("teacher
forcing", Williams and Zipser 1989).
"""

import keras
from keras import ops

from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.losses import MaskedCrossentropy
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")


@keras.saving.register_keras_serializable("pipelines")
class MaskedAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The share of tokens, without padding, that are the most probable ones."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        real = ops.cast(ops.not_equal(y_true, 0), "float32")
        return super().update_state(y_true, y_pred, sample_weight=real)


def loss(spec: DataSpec, *, label_smoothing: float = 0.0):
    """Cross-entropy of the next token, from logits.

    Args:
        spec: of the data.
        label_smoothing: probability that the target gives to all tokens alike (Szegedy et al.
            2016).
    """
    return MaskedCrossentropy(label_smoothing)


def metrics(spec: DataSpec):
    return [MaskedAccuracy(name="accuracy")]


def fit_decision_rule(
    predict, targets, spec: DataSpec, *, beam_width: int = 1, length_penalty: float = 1.0
) -> DecisionRule:
    """The parameters of the beam search; see inference/beam_search.py.

    Nothing is fitted, and `predict` is not called: logits over a vocabulary of thousands are
    gigabytes.

    Args:
        predict, targets, spec: not needed.
        beam_width: translations that are continued at every step; 1 is greedy search.
        length_penalty: exponent of the length by which a log-probability is divided; 1 ranks by
            the mean over tokens, 0 by the sum.
    """
    if beam_width < 1:
        raise UserError(
            "beam-width-invalid", "must be 1 or more; 1 is greedy search",
            key="decide.beam_width", value=beam_width,
        )  # fmt: skip
    if length_penalty < 0:
        raise UserError(
            "length-penalty-invalid", "must be 0 or more; 1 ranks by the mean log-probability",
            key="decide.length_penalty", value=length_penalty,
        )  # fmt: skip
    return DecisionRule(options={"beam_width": beam_width, "length_penalty": length_penalty})
