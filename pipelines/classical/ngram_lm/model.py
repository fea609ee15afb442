"""An n-gram language model: one recursion from short contexts to long ones.

With c a context, c' the same without its first token, and w a token,

    p(w | c) = weight(c) * p(w | c') + value(c w)

where value is 0 for an n-gram without a row, and an unknown context changes nothing. It begins with
1 / V for all of the V tokens. Every method of smoothing.py is a choice of weights and values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.classical.ngram_lm.counts import Stream, find

UNKNOWN = -1.0


@dataclass(frozen=True)
class Level:
    """Weights and values of one order n, with N n-grams and C contexts.

    Args:
        keys: (N,) sorted keys of the n-grams, see counts.py.
        values: (N,) as above.
        weights: (C,) as above; UNKNOWN for a context that nothing followed.
    """

    keys: np.ndarray
    values: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class NgramModel:
    """Args:
    levels: of the orders 1 to the model's order.
    vocabulary_size: V.
    """

    levels: Sequence[Level]
    vocabulary_size: int

    @property
    def order(self) -> int:
        return len(self.levels)

    def probabilities(self, documents: Sequence[np.ndarray]) -> list[np.ndarray]:
        """(length,) for each document: of each token after all tokens before it."""
        stream = Stream.of(documents, self.vocabulary_size)
        (predicted,) = np.nonzero(stream.ages > 0)
        values = np.zeros(len(stream.tokens))
        for probability, rows in self._orders(stream, predicted):
            values[rows] = probability
        lengths = np.cumsum([len(document) for document in documents])[:-1]
        return np.split(values[predicted], lengths)

    def _orders(self, stream: Stream, predicted: np.ndarray) -> Iterator[tuple]:
        """(probabilities by n-grams of one order, their positions), from the shortest on."""
        probability = np.full(len(stream.tokens), 1 / self.vocabulary_size)
        contexts = np.zeros(len(stream.tokens), np.int64)  # row of what precedes each token
        base = self.vocabulary_size + 1
        for length, level in enumerate(self.levels, start=1):
            rows = find(level.keys, contexts, stream.tokens, base)
            weights = np.where(contexts >= 0, level.weights[contexts], UNKNOWN)
            weights[stream.ages < length - 1] = UNKNOWN  # the document has no context so long
            values = np.where(rows >= 0, level.values[rows], 0.0)
            known = weights != UNKNOWN
            probability = np.where(known, weights * probability + values, probability)
            yield probability[predicted], predicted
            contexts = np.concatenate([[-1], rows[:-1]])
            contexts[stream.ages < length] = -1

    def distribution(self, context: Sequence[int]) -> np.ndarray:
        """(V,) probabilities of the next token.

        Args:
            context: ids of the document's tokens so far; all of them, as BEGIN precedes them.
        """
        base = self.vocabulary_size + 1
        tokens = np.array([self.vocabulary_size, *context], np.int64)[-self.order + 1 :]
        tokens = tokens if self.order > 1 else tokens[:0]
        probability = np.full(self.vocabulary_size, 1 / self.vocabulary_size)
        for length, level in enumerate(self.levels, start=1):
            row = self._row(tokens[len(tokens) - length + 1 :]) if length > 1 else 0
            if length - 1 > len(tokens) or row < 0 or level.weights[row] == UNKNOWN:
                break
            followers = slice(*np.searchsorted(level.keys, [row * base, row * base + base - 1]))
            probability *= level.weights[row]
            probability[level.keys[followers] - row * base] += level.values[followers]
        return probability

    def _row(self, tokens: np.ndarray) -> int:
        """The row of an n-gram in its table; -1 where it has none."""
        row = np.zeros(1, np.int64)
        for level, token in zip(self.levels, tokens, strict=False):
            row = find(level.keys, row, token[None], self.vocabulary_size + 1)
        return int(row[0])

    def sample(
        self, rng: np.random.Generator, context: Sequence[int] = (), *, end: int, most: int,
        temperature: float = 1.0, excluded: Sequence[int] = (),
    ) -> list[int]:  # fmt: skip
        """Tokens drawn one by one, as with a weighted die, until `end` or at most so many.

        Args:
            rng: of the die.
            context: tokens before them.
            end: the token that ends a text; -1: none does.
            most: how many are drawn at most.
            temperature: probabilities are taken to the power of 1 / temperature.
            excluded: tokens that are never drawn.
        """
        drawn: list[int] = []
        while len(drawn) < most and (not drawn or drawn[-1] != end):
            probability = self.distribution([*context, *drawn]) ** (1 / temperature)
            probability[list(excluded)] = 0
            drawn.append(int(rng.choice(self.vocabulary_size, p=probability / probability.sum())))
        return drawn

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that `load` needs, by name."""
        return {
            f"order{length}.{name}": values
            for length, level in enumerate(self.levels, start=1)
            for name, values in vars(level).items()
        }

    @classmethod
    def load(cls, arrays: Mapping[str, np.ndarray], vocabulary_size: int) -> "NgramModel":
        """The inverse of `arrays`."""
        orders = range(1, 1 + len({name.partition(".")[0] for name in arrays}))
        levels = [
            Level(**{name: arrays[f"order{n}.{name}"] for name in ("keys", "values", "weights")})
            for n in orders
        ]
        return cls(levels, vocabulary_size)


def perplexity(probabilities: Sequence[np.ndarray]) -> float:
    """exp of the mean negative logarithm over all tokens; infinite where one has probability 0."""
    every = np.concatenate(probabilities)
    return float(np.exp(-np.log(every).mean())) if every.all() else np.inf
