"""How counts become probabilities: weights and values of the recursion in model.py.

- relative_frequency: count(c w) / count(c). Nothing that train lacks can be predicted.
- add_one: (count(c w) + 1) / (count(c) + V) (Laplace).
- stupid_backoff: the relative frequency, or .4 times the score of the shorter context where the
  n-gram is absent (Brants et al., EMNLP 2007, https://aclanthology.org/D07-1090/). The paper's
  scores do not sum to one; here they are divided by their sum, so that perplexity is defined.
- kneser_ney: interpolated modified Kneser-Ney (Chen and Goodman, Computer Speech and Language 1999,
  https://doi.org/10.1006/csla.1999.0128). A discount that depends on the count is taken from every
  n-gram and given to the shorter context. There the count of an n-gram is the number of distinct
  tokens before it; n-grams that begin with BEGIN have none before them and keep their counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.classical.ngram_lm.counts import NgramTable, count
from pipelines.classical.ngram_lm.model import UNKNOWN, Level, NgramModel

BACKOFF = 0.4
# Of counts of 1, 2 and more, where the counts of counts do not determine them.
FALLBACK = (0.5, 1.0, 1.5)


def relative_frequency(orders: Sequence["Order"]) -> list[Level]:
    levels = [_full_contexts(order, np.zeros(len(order.totals)), order.totals) for order in orders]
    levels[0] = replace(levels[0], weights=np.zeros(1))  # an unknown context has no estimate
    return levels


def add_one(orders: Sequence["Order"]) -> list[Level]:
    levels = []
    for order in orders:
        totals = order.totals + order.table.base - 1
        levels.append(_full_contexts(order, (order.table.base - 1) / totals, totals))
    return levels


def stupid_backoff(orders: Sequence["Order"]) -> list[Level]:
    """With S the paper's score and Z(c) its sum over the vocabulary, p(w | c) = S(w | c) / Z(c)."""
    levels, shorter_scores, shorter_sums = [], np.zeros(1), np.zeros(1)
    for order in orders:
        table = order.table
        scores = _divide(order.counts, order.totals[table.contexts])
        gains = scores - BACKOFF * shorter_scores[table.suffixes]  # beside those of absent n-grams
        backed_off = BACKOFF * shorter_sums[order.context_suffixes]
        sums = backed_off + np.bincount(table.contexts, gains, len(order.totals))
        weights = np.where(order.totals > 0, _divide(backed_off, sums), UNKNOWN)
        levels.append(Level(table.keys, _divide(gains, sums[table.contexts]), weights))
        shorter_scores, shorter_sums = scores, sums
    return levels


def kneser_ney(orders: Sequence["Order"]) -> list[Level]:
    levels = []
    for order, longer in zip(orders, [*orders[1:], None], strict=True):
        if longer is not None:
            order = order.with_counts(
                np.bincount(longer.table.suffixes, minlength=len(order.counts))
            )
        contexts, size = order.table.contexts, len(order.totals)
        discounts = np.array([0.0, *discounts_of(order.counts)])[np.minimum(order.counts, 3)]
        weights = _divide(np.bincount(contexts, discounts, size), order.totals)
        values = _divide(order.counts - discounts, order.totals[contexts])
        levels.append(Level(order.table.keys, values, np.where(order.totals > 0, weights, UNKNOWN)))
    return levels


METHODS: dict[str, Callable[[Sequence["Order"]], list[Level]]] = {
    method.__name__: method for method in (relative_frequency, add_one, stupid_backoff, kneser_ney)
}


def fit(
    method: str, documents: Sequence[np.ndarray], order: int, vocabulary_size: int
) -> NgramModel:
    """A model of `order` (the longest n-grams) by one of METHODS, from documents of token ids."""
    tables = count(documents, order, vocabulary_size)
    orders = [Order.of(tables, number) for number in range(order)]
    return NgramModel(METHODS[method](orders), vocabulary_size)


@dataclass(frozen=True)
class Order:
    """The counts of one order, with N n-grams and C contexts.

    Args:
        table: of its n-grams.
        counts: (N,) of each; 0 where the last token is BEGIN, which is never predicted.
        totals: (C,) sums of the counts by context.
        context_suffixes: (C,) rows of the contexts without their first token.
        full: (C,) whether no context is longer: by its length, or as it begins with BEGIN.
    """

    table: NgramTable
    counts: np.ndarray
    totals: np.ndarray
    context_suffixes: np.ndarray
    full: np.ndarray

    @classmethod
    def of(cls, tables: Sequence[NgramTable], number: int) -> "Order":
        table, first = tables[number], np.zeros(1, np.int64)
        contexts = tables[number - 1] if number else None
        full = np.zeros(1, bool) if contexts is None else contexts.at_begin
        counts = np.where(table.keys % table.base == table.base - 1, 0, table.counts)
        return cls(
            table,
            counts,
            np.bincount(table.contexts, counts, len(full)),
            first if contexts is None else contexts.suffixes,
            full | (number + 1 == len(tables)),
        )

    def with_counts(self, distinct: np.ndarray) -> "Order":
        """With other counts than those of occurrences, where a token precedes the n-gram."""
        counts = np.where(self.table.at_begin | (self.counts == 0), self.counts, distinct)
        totals = np.bincount(self.table.contexts, counts, len(self.totals))
        return replace(self, counts=counts, totals=totals)


def _full_contexts(order: Order, weights: np.ndarray, totals: np.ndarray) -> Level:
    """Counts over totals after contexts of full length; shorter ones change nothing."""
    contexts = order.table.contexts
    values = _divide(order.counts, totals[contexts]) * order.full[contexts]
    seen = np.where(order.totals > 0, weights, UNKNOWN)
    return Level(order.table.keys, values, np.where(order.full, seen, 1.0))


def discounts_of(counts: np.ndarray) -> tuple[float, float, float]:
    """D1, D2 and D3+ of Chen and Goodman, from how many n-grams occur once, twice, ..."""
    n1, n2, n3, n4 = (float(np.count_nonzero(counts == number)) for number in (1, 2, 3, 4))
    if not min(n1, n2, n3, n4):
        return FALLBACK
    share = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
    usable = all(0 < discount < number for number, discount in enumerate(discounts, start=1))
    return discounts if usable else FALLBACK


def _divide(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Zero where the divisor is zero."""
    return np.divide(left, right, out=np.zeros(len(left)), where=right > 0)
