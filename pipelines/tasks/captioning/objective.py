"""Loss and metrics of a captioner: the next token, given the image and the tokens before it.

As in translation, with the right tokens before it (teacher forcing); an image is encoded once for
all of its captions in a batch.
"""

from pipelines.tasks.translation.objective import MONITOR, fit_decision_rule, loss, metrics

__all__ = ["FEED", "MONITOR", "fit_decision_rule", "loss", "metrics"]

FEED = "grouped"
