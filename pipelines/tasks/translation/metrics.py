"""A translator's outputs and how they are scored, by sacreBLEU's own counting.

BLEU and chrF of a corpus are functions of counts (matching and present n-grams, lengths) summed
over its sentences, not means over sentences. So a weighting of rows is a weighting of their counts,
and one implementation gives the point estimate and every bootstrap resample (Koehn 2004).

References: Papineni et al., "BLEU", ACL 2002; Popovic, "chrF", WMT 2015; Post, "A Call for Clarity
in Reporting BLEU Scores", WMT 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec


@dataclass(frozen=True)
class Outputs:
    """translations: one text a row. scores: (n,) rank scores of the search, 0 where there is none.
    ids, subwords: what the texts were spelt from. chosen: what validation chose."""

    translations: Sequence[str]
    scores: np.ndarray
    ids: np.ndarray | None = None
    subwords: Subwords | None = None
    chosen: str = ""

    def columns(self) -> dict:
        """What is kept of them on disk."""
        return {"translation": list(self.translations), "score": self.scores}


def of_texts(translations: Sequence[str], chosen: str = "") -> Outputs:
    return Outputs(translations, np.zeros(len(translations), np.float32), chosen=chosen)


def metrics() -> dict:
    """bleu: of text as people read it. bleu_tokenised: lower-cased, without smoothing, as older
    papers and their scripts have it (multi-bleu.perl), tokenised by sacreBLEU's 13a."""
    return {
        "bleu": BLEU(force=True),
        "chrf": CHRF(),
        "bleu_tokenised": BLEU(lowercase=True, smooth_method="none", force=True),
    }


def score(outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric under every row weighting: BLEU and chrF from 0 to 100, exact_match a share."""
    said, references = list(outputs.translations), list(test["reference"])
    drawn = weights.astype(np.float64)
    total = drawn.sum(axis=1)
    found = {}
    for name, metric in metrics().items():
        counts = np.array(metric._extract_corpus_statistics(said, [references]), np.float64)
        # Whole numbers below 2 ** 53: exact in any order of summation.
        sums = np.einsum("bn,nk->bk", drawn, counts).astype(np.int64)
        found[name] = np.array(
            [metric._compute_score_from_stats(row.tolist()).score for row in sums]
        )
    same = np.array([a.strip() == b.strip() for a, b in zip(said, references, strict=True)])
    found["exact_match"] = np.divide(
        drawn @ same, total, out=np.full(len(total), np.nan), where=total > 0
    )
    return {name: np.where(total > 0, values, np.nan) for name, values in found.items()}


def signatures(outputs, test: dict) -> dict[str, str]:
    """How each score was computed, in sacreBLEU's notation: quote it beside the number."""
    said, references = list(outputs.translations), list(test["reference"])
    known = {}
    for name, metric in metrics().items():
        metric.corpus_score(said, [references])
        known[name] = str(metric.get_signature())
    return known
