"""Figures of a language model: how far context helps, what is hard to predict, what it writes.

Every function writes under `folder`: figures/<name>.png and plots/<name>.csv.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.layers.language_model_scores import LAYER, window_nats
from pipelines.figures import passages, style
from pipelines.preprocessing import documents
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling import samples
from pipelines.tasks.language_modeling.frequency_groups import groups

CONTEXT = 128  # tokens of context shown for a network that has no limit
WINDOWS = 256  # of these
STRONG = "baseline_best"


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Loss by position in the context."""
    by_context(model, test[spec.target.name], folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Of n-grams the perplexity of every order."""
    if hasattr(estimator, "perplexities"):
        by_order(estimator.perplexities(test), folder)


def draw_comparison(
    outputs, baselines: Mapping, test: dict, spec: DataSpec, assets: Path, folder: Path
) -> None:
    """Beside the strong baseline: perplexity by frequency, and samples."""
    compared = {"model": outputs}
    strong = baselines.get(STRONG)
    if strong is not None and not np.array_equal(strong.nats, outputs.nats):
        compared["n-grams"] = strong
    by_frequency(compared, test[spec.target.name], spec, folder)
    texts(compared, documents.load(assets), folder)


def by_context(model, tokens: Sequence[np.ndarray], folder: Path) -> None:
    """Nats of tokens by how many tokens the network has read, in windows that begin anywhere."""
    length = getattr(model.get_layer(LAYER), "context", CONTEXT)
    windows = _windows(tokens, length)
    if not len(windows):
        return  # documents shorter than the context
    by_token = window_nats(model, windows)  # (windows, T)
    edges = np.unique(np.geomspace(1, length + 1, 14).astype(int))
    rows = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        values = by_token[:, first - 1 : last - 1]
        rows.append((first, last - 1, float(values.mean()), values.size))

    def paint(figure):
        axes = figure.add_subplot()
        middles = [np.sqrt(first * last) for first, last, *_ in rows]
        axes.plot(middles, [value for *_, value, _ in rows], color=style.BLUE, marker="o")
        axes.set(xscale="log", xlabel="tokens read", ylabel="loss, nats a token")
        axes.set_title(f"Loss by position in the context, {len(by_token)} windows of test")

    style.draw(folder / "figures/by_context.png", (6.4, 4.2), paint)
    columns = ("tokens_read_from", "tokens_read_to", "nats", "tokens")
    style.write_csv(folder / "plots/by_context.csv", columns, rows)


def _windows(tokens: Sequence[np.ndarray], length: int) -> np.ndarray:
    """(n, length + 1) ids, at most WINDOWS, from all documents alike."""
    size = length + 1
    parts = [ids[: len(ids) // size * size].reshape(-1, size) for ids in tokens]
    every = np.concatenate(parts)
    return every[:: max(len(every) // WINDOWS, 1)][:WINDOWS]


def by_frequency(
    compared: Mapping, tokens: Sequence[np.ndarray], spec: DataSpec, folder: Path
) -> None:
    """Perplexity of tokens in groups of similar frequency in train.

    Args:
        compared: name -> outputs, of which those are shown that have nats by token.
        tokens: of the documents.
    """
    nats = {name: np.concatenate(x.by_token) for name, x in compared.items() if len(x.by_token)}
    selections = groups(np.concatenate(tokens), spec.task_metadata["by_frequency_from"])
    rows = [
        (name, count, *(_perplexity(values[selected]) for values in nats.values()))
        for name, count, selected in selections
    ]

    def paint(figure):
        axes = figure.add_subplot()
        width = 0.8 / len(nats)
        for number, (name, values) in enumerate(nats.items()):
            places = np.arange(len(rows)) + (number - (len(nats) - 1) / 2) * width
            heights = [row[2 + number] for row in rows]
            label = f"{name}: {_perplexity(values):.1f} of all tokens"
            axes.bar(places, heights, width, color=(style.BLUE, style.ORANGE)[number], label=label)
        labels = [f"{name}\n{count:,} tokens" for name, count, *_ in rows]
        axes.set_xticks(range(len(rows)), labels)
        axes.set(yscale="log", xlabel="rank of the token in train", ylabel="perplexity")
        axes.grid(False, axis="x")
        axes.legend(loc="upper left")
        axes.set_title("Perplexity by frequency")

    style.draw(folder / "figures/by_frequency.png", (7.2, 4.2), paint)
    columns = ("ranks", "tokens", *(f"perplexity {name}" for name in nats))
    style.write_csv(folder / "plots/by_frequency.csv", columns, rows)


def texts(compared: Mapping, tokenizer, folder: Path) -> None:
    """What the model draws at each temperature, and the strong baseline at the first."""
    rows = []
    for number, (name, outputs) in enumerate(compared.items()):
        temperatures = np.unique(samples.TEMPERATURES) if number == 0 else [1.0]
        for temperature in temperatures:
            if len(outputs.samples):
                row = int(np.argmax(temperature == samples.TEMPERATURES))
                text = documents.decode(tokenizer, outputs.samples[row].tolist())
                rows.append((name, float(temperature), text))
    headed = [(f"{name}, temperature {temperature:g}", text) for name, temperature, text in rows]
    passages.draw(headed, folder / "figures/samples.png")
    style.write_csv(folder / "plots/samples.csv", ("model", "temperature", "text"), rows)


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
