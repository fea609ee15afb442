"""Language models that count n-grams: relative frequencies, add-one, back-off, Kneser-Ney.

counts.py     documents -> a table of n-grams for each order
smoothing.py  tables -> `NgramModel`, by four methods
model.py      `NgramModel`: probabilities, distributions, samples
"""

from pipelines.classical.ngram_lm.model import NgramModel, perplexity
from pipelines.classical.ngram_lm.smoothing import METHODS, fit

__all__ = ["METHODS", "NgramModel", "fit", "perplexity"]
