"""How good a translator is, beside what it must beat."""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import weights
from pipelines.figures import style
from pipelines.inference.beam_search import BeamSearchConfig, search_in_batches
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec
from pipelines.tasks.translation import baselines as reference
from pipelines.tasks.translation import figures
from pipelines.tasks.translation.metrics import Outputs, score, signatures
from pipelines.tasks.translation.reporting import STRONG

__all__ = ["baselines", "draw", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """What the model makes of a part's source sentences, spelt by the sub-words in `assets`."""
    source = np.asarray(columns["source"])
    config = BeamSearchConfig.from_rule(decision, source.shape[1])
    ids, scores = search_in_batches(model.get_layer("translator"), source, config)
    subwords = Subwords.load(assets)
    return Outputs(subwords.decode(ids), scores, ids, subwords)


def baselines(train: dict, val: dict, test: dict, spec: DataSpec, seed: int) -> dict:
    """Outputs on the test rows of a trivial and of a classical method."""
    train_pairs, val_pairs = (
        (list(part[spec.request_inputs[0]]), list(part["reference"])) for part in (train, val)
    )
    sources = list(test[spec.request_inputs[0]])
    return {
        "baseline_copy": reference.copy(sources),
        STRONG: reference.memory(train_pairs, val_pairs, sources),
    }


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """BLEU by length, where the model looks, samples, and how the scores were computed."""
    figures.by_length(outputs, test, spec, folder)
    figures.samples(outputs, test, spec, folder)
    style.write_csv(
        folder / "plots/signatures.csv", ("metric", "signature"), signatures(outputs, test).items()
    )
    figures.attention(model, outputs, test, folder)
