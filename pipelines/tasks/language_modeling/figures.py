"""Figures of a language model: what is hard to predict, and how far context helps.

Every function writes under `folder`: figures/<name>.png and plots/<name>.csv.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import style
from pipelines.preprocessing.tokenization import SPECIAL_IDS
from pipelines.spec import DataSpec

RANKS = (10, 100, 1000, 10_000)  # the last ranks of the groups of tokens


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Perplexity by frequency and by position."""
    tokens = test[spec.target.name]
    by_frequency(tokens, outputs.by_token, folder)
    by_position(outputs.by_token, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same, and the perplexity of every order."""
    draw(outputs, test, spec, decision, folder, None)
    by_order(estimator.perplexities(test), folder)


def by_frequency(tokens: Sequence[np.ndarray], nats: Sequence[np.ndarray], folder: Path) -> None:
    """Perplexity of tokens in groups of similar frequency; ids are in its order."""
    ranks, values = np.concatenate(tokens) - SPECIAL_IDS + 1, np.concatenate(nats)
    rows, first = [], 1
    unknown = ranks < 1
    if unknown.any():
        rows.append(("unknown", _perplexity(values[unknown]), int(unknown.sum())))
    for last in RANKS:
        selected = (ranks >= first) & (ranks <= last)
        if selected.any():
            name = f"{first:,} to {last:,}"
            rows.append((name, _perplexity(values[selected]), int(selected.sum())))
        first = last + 1
    labels = [f"{name}\n{count:,} tokens" for name, _, count in rows]

    def paint(figure):
        axes = figure.add_subplot()
        axes.bar(labels, [value for _, value, _ in rows], width=0.7, color=style.BLUE)
        axes.axhline(_perplexity(values), color=style.GREY, ls="--", lw=1.2)
        axes.set(yscale="log", xlabel="rank of the token in train", ylabel="perplexity")
        axes.grid(False, axis="x")
        axes.set_title(f"Perplexity by frequency; of all tokens: {_perplexity(values):.1f}")

    style.draw(folder / "figures/by_frequency.png", (7.2, 4.2), paint)
    style.write_csv(folder / "plots/by_frequency.csv", ("ranks", "perplexity", "tokens"), rows)


def by_position(nats: Sequence[np.ndarray], folder: Path) -> None:
    """Perplexity of tokens by how many tokens of the document come before them."""
    longest = max(map(len, nats))
    edges = np.unique(np.geomspace(1, longest + 1, 12).astype(int))
    rows = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        values = np.concatenate([document[first - 1 : last - 1] for document in nats])
        rows.append((first - 1, last - 2, _perplexity(values), len(values)))

    def paint(figure):
        axes = figure.add_subplot()
        middles = [np.sqrt((first + 1) * (last + 1)) for first, last, *_ in rows]
        axes.plot(middles, [value for *_, value, _ in rows], color=style.BLUE, marker="o")
        axes.set(xscale="log", xlabel="tokens before", ylabel="perplexity", ylim=(0, None))
        axes.set_title("Perplexity by position in the document")

    style.draw(folder / "figures/by_position.png", (6.4, 4.2), paint)
    columns = ("tokens_before_from", "tokens_before_to", "perplexity", "tokens")
    style.write_csv(folder / "plots/by_position.csv", columns, rows)


def by_order(perplexities: Sequence[float], folder: Path) -> None:
    """Perplexity of the same counts with contexts of at most n - 1 tokens, for each order n."""
    orders = range(1, len(perplexities) + 1)

    def paint(figure):
        axes = figure.add_subplot()
        axes.plot(orders, perplexities, color=style.BLUE, marker="o")
        axes.set(yscale="log", xlabel="order of the n-grams", ylabel="perplexity", xticks=orders)
        axes.set_title("Perplexity by order")

    style.draw(folder / "figures/by_order.png", (6.4, 4.2), paint)
    rows = zip(orders, perplexities, strict=True)
    style.write_csv(folder / "plots/by_order.csv", ("order", "perplexity"), rows)


def _perplexity(nats: np.ndarray) -> float:
    return float(np.exp(nats.mean()))
