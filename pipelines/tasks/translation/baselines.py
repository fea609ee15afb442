"""Baselines of translation: the source itself, and a dictionary or translation memory.

- copy: the source, untranslated.
- memory: that of the experiment that the block of baselines names, see
  `models.classical.translation_memory`.
"""

from collections.abc import Iterator, Sequence

from models.classical import Estimator
from pipelines.evaluation import strong_baselines
from pipelines.spec import DataSpec
from pipelines.tasks.translation.metrics import Outputs, of_texts


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time. seed: nothing is random."""
    yield "baseline_copy", copy(list(test[spec.request_inputs[0]]))
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)


def copy(sources: Sequence[str]) -> Outputs:
    """The source itself: correct for names and numbers."""
    return of_texts(list(sources))
