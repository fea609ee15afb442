"""A captioner's outputs and their metrics.

    cider_d       agreement with the references, 0 to 10, see pipelines/classical/caption_ngrams.py
    bleu          BLEU-4 of the corpus against all references, 0 to 100, by sacreBLEU; in small
                  letters and without punctuation, the closest reference's length
    exact_match   share of captions that equal a reference, but for letter case and punctuation
    distinct      share of different captions: 1 / n where all images get the same one
    copied        share of captions that some image of train has, word for word

Where it is known what is true of an image (recipe digit_scene_captions):

    facts         share of what is true that the caption says
    all_facts     share of captions that say all of it
    facts_seen, facts_held_out    facts of images with combinations that train has, and of others

The rarity of n-grams, for cider_d, and how often a caption is given, for distinct, are those in the
whole split; a weighting of rows weighs each row's value, or its counts, for bleu.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sacrebleu.metrics import BLEU

from pipelines.classical import caption_ngrams
from pipelines.classical.caption_ngrams import normalized
from pipelines.evaluation.bootstrap import weighted_mean
from pipelines.preparation import scene_captions
from pipelines.preparation.image_captions import REFERENCES
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec
from pipelines.storage import arrays

FACTS, HELD_OUT = "facts", "held_out"


@dataclass(frozen=True)
class Outputs:
    """Captions of the images of a split.

    Args:
        captions: n texts.
        scores: (n,) rank scores of the beam search; of neighbours, their agreement.
        copied: (n,) whether train has the caption; None where that is not known.
        ids: (n, T) token ids of the captions.
        subwords: the vocabulary of these ids.
        selection: the settings that validation selected, for people; "" where there are none.
    """

    captions: Sequence[str]
    scores: np.ndarray
    copied: np.ndarray | None = None
    ids: np.ndarray | None = None
    subwords: Subwords | None = None
    selection: str = ""

    def save(self, folder: Path) -> None:
        """Writes captions and scores into a new folder."""
        known = {} if self.copied is None else {"copied": self.copied}
        arrays.write(folder, {"caption": list(self.captions), "score": self.scores, **known})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        columns = arrays.read(folder)
        return cls(columns["caption"], columns["score"], columns.get("copied"))


def references_of(test: dict) -> list[list[str]]:
    """The captions of each image of test."""
    return [text.split("\n") for text in test[REFERENCES]]


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every row weighting, (b,) each; those of facts where test has them."""
    captions, references = list(outputs.captions), references_of(test)
    rows = {
        "cider_d": caption_ngrams.cider_d(captions, references),
        "exact_match": exact(captions, references),
        "distinct": shares_of_distinct(captions),
    }
    if outputs.copied is not None:
        rows["copied"] = np.asarray(outputs.copied)
    values = {name: weighted_mean(row, weights) for name, row in rows.items()}
    values["bleu"] = bleu(captions, references, weights)
    if FACTS in test:
        right = facts_right(captions, list(test[FACTS]))
        share = right.sum(axis=1) / scene_captions.COUNTS.sum()
        held_out = np.asarray(test[HELD_OUT])
        values |= {
            "facts": weighted_mean(share, weights),
            "all_facts": weighted_mean(share == 1, weights),
            "facts_seen": weighted_mean(share, weights * ~held_out),
            "facts_held_out": weighted_mean(share, weights * held_out),
        }
    return values


def exact(captions: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """(n,) whether a caption is one of the references."""
    return np.array(
        [normalized(caption) in map(normalized, known)
         for caption, known in zip(captions, references, strict=True)]
    )  # fmt: skip


def shares_of_distinct(captions: Sequence[str]) -> np.ndarray:
    """(n,) 1 over how often a caption is given, whose mean is the share of different ones."""
    given = Counter(map(normalized, captions))
    return np.array([1 / given[normalized(caption)] for caption in captions])


def bleu(
    captions: Sequence[str], references: Sequence[Sequence[str]], weights: np.ndarray
) -> np.ndarray:
    """(b,) BLEU-4 from the weighted sums of every row's counts."""
    metric, streams = _sacrebleu(references)
    given = [normalized(caption) for caption in captions]
    counts = np.array(metric._extract_corpus_statistics(given, streams), np.float64)
    weights = weights.astype(np.float64)
    # Whole numbers below 2 ** 53: exact in any order of summation.
    sums = np.einsum("bn,nk->bk", weights, counts).astype(np.int64)
    values = [metric._compute_score_from_stats(row.tolist()).score for row in sums]
    return np.where(weights.sum(axis=1) > 0, values, np.nan)


def signature(outputs: Outputs, test: dict) -> str:
    """How BLEU was computed, in sacreBLEU's notation: quote it beside the number."""
    metric, streams = _sacrebleu(references_of(test))
    metric.corpus_score([normalized(caption) for caption in outputs.captions], streams)
    return str(metric.get_signature())


def _sacrebleu(references: Sequence[Sequence[str]]) -> tuple[BLEU, list[list[str | None]]]:
    """The metric, and its references: the first of each image, the second, and so on."""
    most = max(map(len, references))
    streams = [
        [normalized(known[n]) if n < len(known) else None for known in references]
        for n in range(most)
    ]
    return BLEU(force=True, lowercase=True), streams


def facts_right(captions: Sequence[str], facts: Sequence[str]) -> np.ndarray:
    """(n, kinds) how many of an image's facts a caption has right, see `scene_captions.KINDS`."""
    return np.stack(
        [
            scene_captions.right(
                scene_captions.read(true), scene_captions.read(normalized(caption))
            )
            for caption, true in zip(captions, facts, strict=True)
        ]
    )
