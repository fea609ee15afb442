"""Figures of a translator: BLEU by length, attention, and samples to read.

Every function writes under `folder`: figures/<name>.png, plots/<name>.csv or <name>.csv.
"""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import summary, weights
from pipelines.figures import style
from pipelines.preprocessing.sentencepiece import BEGIN, END, PADDING, until_end
from pipelines.spec import DataSpec
from pipelines.tasks.translation.metrics import score, signatures

BINS, RESAMPLES = 5, 300
SAMPLES = 10
LEGIBLE_PIECES = (8, 16)  # of the sentence whose attention is drawn


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """BLEU by length, attention, samples, and the signatures of the metrics."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    attention(model, outputs, test, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same without attention, which only networks have."""
    by_length(outputs, test, spec, folder)
    samples(outputs, test, spec, folder)
    style.write_csv(
        folder / "plots/signatures.csv", ("metric", "signature"), signatures(outputs, test).items()
    )


def by_length(outputs, test: dict, spec, folder: Path) -> None:
    """BLEU of test sentences in up to five groups of similar size, by words of the source."""
    words = np.array([len(text.split()) for text in test[spec.request_inputs[0]]])
    edges = np.unique(np.quantile(words, np.linspace(0, 1, BINS + 1)[1:], method="higher"))
    bin_of = np.searchsorted(edges, words)
    resamples = weights(len(words), RESAMPLES, seed=0)
    rows, start = [], int(words.min())
    for number, end in enumerate(edges.tolist()):
        values = score(outputs, test, spec, resamples * (bin_of == number))["bleu"]
        rows.append((start, end, *summary(values), int((bin_of == number).sum())))
        start = end + 1
    names = [f"{a if a == b else f'{a} to {b}'}\n{n:,} sentences" for a, b, *_, n in rows]
    _, _, point, low, high, _ = (np.array(column) for column in zip(*rows, strict=True))
    whole = score(outputs, test, spec, resamples[:1])["bleu"][0]

    def paint(figure):
        axes = figure.add_subplot()
        axes.bar(names, point, width=0.7, color=style.BLUE)
        reach = np.clip([point - low, high - point], 0, None)
        axes.errorbar(names, point, reach, fmt="none", ecolor="#333333", capsize=4, lw=1.2)
        axes.axhline(whole, color=style.GREY, ls="--", lw=1.2)
        axes.set(xlabel="words of the source sentence", ylabel="BLEU", ylim=(0, 100))
        axes.grid(False, axis="x")
        axes.set_title(f"BLEU by length, with 95 % intervals; of all sentences: {whole:.1f}")

    style.draw(folder / "figures/by_length.png", (6.4, 4.2), paint)
    columns = ("words_from", "words_to", "bleu", "bleu_low", "bleu_high", "sentences")
    style.write_csv(folder / "plots/by_length.csv", columns, rows)


def samples(outputs, test: dict, spec, folder: Path) -> None:
    """samples.csv: ten evenly spaced test rows. mistakes.csv: the ten most confident errors."""
    translations, references = list(outputs.translations), list(test["reference"])
    lines, texts = np.asarray(test["line"]), test[spec.request_inputs[0]]

    def row(i: int) -> tuple:
        exact = "yes" if i not in wrong else "no"
        score = round(float(outputs.scores[i]), 4)
        return i, int(lines[i]), texts[i], references[i], translations[i], score, exact

    rows = range(len(translations))
    even = np.unique(np.linspace(0, rows[-1], SAMPLES).round().astype(int)).tolist()
    wrong = {i for i in rows if translations[i].strip() != references[i].strip()}
    confident = sorted(wrong, key=lambda i: (-float(outputs.scores[i]), i))[:SAMPLES]
    columns = ("row", "line", "source", "reference", "translation", "score", "exact")
    style.write_csv(folder / "samples.csv", columns, map(row, even))
    style.write_csv(folder / "mistakes.csv", columns, map(row, confident))


def attention(model, outputs, test: dict, folder: Path) -> None:
    """figures/attention.png: the attention of each target piece over the source pieces.

    Of one sentence: the longest whose length is legible, the first of ties. Nothing is written for
    a model without attention.
    """
    source = np.asarray(test["source"])
    row = _legible_row(source)
    ids = source[row][source[row] != PADDING]
    translation = until_end(outputs.ids[row])[: 2 * LEGIBLE_PIECES[1]]
    decoder_input = np.array([[BEGIN, *translation]], np.int32)  # (1, T)
    weights = model.get_layer("translator").attention(ids[None], decoder_input)  # (1, T, S)
    if weights is None:
        return
    weights = np.asarray(weights)[0]
    across = [_printable(piece) for piece in outputs.subwords.pieces(ids)]
    down = [_printable(piece) for piece in outputs.subwords.pieces([*translation, END])]

    def paint(figure):
        axes = figure.add_subplot()
        image = axes.imshow(weights, cmap=style.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(across)), across, rotation=60, ha="left", rotation_mode="anchor")
        axes.set_yticks(range(len(down)), down)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set_title(f"Attention while translating\n“{style.cut(test['text'][row], 60)}”")
        figure.colorbar(image, ax=axes, shrink=0.7, label="share of a row's attention")

    size = (2.6 + 0.36 * len(across), 1.8 + 0.3 * len(down))
    style.draw(folder / "figures/attention.png", size, paint)
    table = [(piece, *row.tolist()) for piece, row in zip(down, weights, strict=True)]
    columns = [f"{index}:{piece}" for index, piece in enumerate(across)]
    style.write_csv(folder / "plots/attention.csv", ("piece", *columns), table)


def _legible_row(source: np.ndarray) -> int:
    """The longest sentence of a legible length, else the shortest of all."""
    sizes = (source != PADDING).sum(axis=1)
    shortest, longest = LEGIBLE_PIECES
    legible = np.where((sizes >= shortest) & (sizes <= longest), sizes, 0)
    return int(legible.argmax()) if legible.any() else int(sizes.argmin())


def _printable(piece: str) -> str:
    """A piece with its space as an underscore, which every font has."""
    return {"</s>": "END"}.get(piece, piece.replace("\u2581", "_"))
