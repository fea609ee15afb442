"""A translator's outputs and their metrics, from the counts of sacreBLEU.

BLEU and chrF of a corpus are functions of counts (matching and present n-grams, lengths) summed
over its sentences, not means over sentences. So a weighting of rows is a weighting of their counts,
and one implementation gives the point estimate and every bootstrap resample (Koehn 2004).

References: Papineni et al., "BLEU", ACL 2002, https://aclanthology.org/P02-1040/; Popovic, "chrF",
WMT 2015, https://aclanthology.org/W15-3049/; Koehn, "Statistical Significance Tests for Machine
Translation Evaluation", EMNLP 2004; Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec
from pipelines.storage import arrays


@dataclass(frozen=True)
class Outputs:
    """Translations of the rows of a split.

    Args:
        translations: n texts.
        scores: (n,) rank scores of the beam search; 0 where there is no search.
        ids: (n, T) sub-word ids of the translations.
        subwords: the vocabulary of these ids.
        selection: the settings that validation selected, for people; "" where there are none.
    """

    translations: Sequence[str]
    scores: np.ndarray
    ids: np.ndarray | None = None
    subwords: Subwords | None = None
    selection: str = ""

    def save(self, folder: Path) -> None:
        """Writes translations and scores into a new folder."""
        arrays.write(folder, {"translation": list(self.translations), "score": self.scores})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        columns = arrays.read(folder)
        return cls(columns["translation"], columns["score"])


def of_texts(translations: Sequence[str], selection: str = "") -> Outputs:
    scores = np.zeros(len(translations), np.float32)
    return Outputs(translations, scores, selection=selection)


def metrics() -> dict:
    """bleu: of cased, detokenised text. bleu_tokenised: lower-cased and without smoothing, as in
    older papers (multi-bleu.perl), tokenised by sacreBLEU's 13a."""
    return {
        "bleu": BLEU(force=True),
        "chrf": CHRF(),
        "bleu_tokenised": BLEU(lowercase=True, smooth_method="none", force=True),
    }


def score(outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric under every row weighting: BLEU and chrF from 0 to 100, exact_match a share."""
    translations, references = list(outputs.translations), list(test["reference"])
    weights = weights.astype(np.float64)
    total = weights.sum(axis=1)
    values = {}
    for name, metric in metrics().items():
        counts = np.array(metric._extract_corpus_statistics(translations, [references]), np.float64)
        # Whole numbers below 2 ** 53: exact in any order of summation.
        sums = np.einsum("bn,nk->bk", weights, counts).astype(np.int64)
        values[name] = np.array(
            [metric._compute_score_from_stats(row.tolist()).score for row in sums]
        )
    exact = np.array(
        [a.strip() == b.strip() for a, b in zip(translations, references, strict=True)]
    )
    values["exact_match"] = np.divide(
        weights @ exact, total, out=np.full(len(total), np.nan), where=total > 0
    )
    return {name: np.where(total > 0, value, np.nan) for name, value in values.items()}


def signatures(outputs, test: dict) -> dict[str, str]:
    """How each score was computed, in sacreBLEU's notation: quote it beside the number."""
    translations, references = list(outputs.translations), list(test["reference"])
    notation = {}
    for name, metric in metrics().items():
        metric.corpus_score(translations, [references])
        notation[name] = str(metric.get_signature())
    return notation
