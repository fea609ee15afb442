"""Figures of a translator: BLEU by length, where it looks, and samples to read.

Every function writes under `folder`: figures/<name>.png, plots/<name>.csv or <name>.csv.
"""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import summary, weights
from pipelines.figures import style
from pipelines.preprocessing.sentencepiece import until_end
from pipelines.tasks.translation.metrics import score

BINS, RESAMPLES = 5, 300
SAMPLES = 10
SHOWN = (
    8,
    16,
)  # pieces of the sentence whose attention is drawn: enough to tell, few enough to read


def by_length(outputs, test: dict, spec, folder: Path) -> None:
    """BLEU of test sentences in up to five groups of like size, by words of the source."""
    words = np.array([len(text.split()) for text in test[spec.request_inputs[0]]])
    edges = np.unique(np.quantile(words, np.linspace(0, 1, BINS + 1)[1:], method="higher"))
    bin_of = np.searchsorted(edges, words)
    drawn = weights(len(words), RESAMPLES, seed=0)
    rows, start = [], int(words.min())
    for number, end in enumerate(edges.tolist()):
        values = score(outputs, test, spec, drawn * (bin_of == number))["bleu"]
        rows.append((start, end, *summary(values), int((bin_of == number).sum())))
        start = end + 1
    names = [f"{a if a == b else f'{a} to {b}'}\n{n:,} sentences" for a, b, *_, n in rows]
    _, _, point, low, high, _ = (np.array(column) for column in zip(*rows, strict=True))
    whole = score(outputs, test, spec, drawn[:1])["bleu"][0]

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
    """samples.csv: ten test sentences at even distances, right or wrong. mistakes.csv: the wrong
    ones of which the model was surest."""
    said, references = list(outputs.translations), list(test["reference"])
    lines, texts = np.asarray(test["line"]), test[spec.request_inputs[0]]

    def row(i: int) -> tuple:
        right = said[i].strip() == references[i].strip()
        shown = (texts[i], references[i], said[i])
        return (
            i,
            int(lines[i]),
            *shown,
            round(float(outputs.scores[i]), 4),
            "yes" if right else "no",
        )

    even = np.unique(np.linspace(0, len(said) - 1, SAMPLES).round().astype(int)).tolist()
    wrong = [i for i in range(len(said)) if said[i].strip() != references[i].strip()]
    surest = sorted(wrong, key=lambda i: (-float(outputs.scores[i]), i))[:SAMPLES]
    columns = ("row", "line", "source", "reference", "translation", "score", "exact")
    style.write_csv(folder / "samples.csv", columns, map(row, even))
    style.write_csv(folder / "mistakes.csv", columns, map(row, surest))


def attention(model, outputs, test: dict, folder: Path) -> None:
    """Which source pieces each piece of one translation was made from; nothing for models that
    look at none. The sentence: the longest of a legible length, the first of equals."""
    source = np.asarray(test["source"])
    sizes = (source != 0).sum(axis=1)
    fitting = np.where((sizes >= SHOWN[0]) & (sizes <= SHOWN[1]), sizes, 0)
    row = int(fitting.argmax()) if fitting.any() else int(sizes.argmin())
    kept, said = source[row, : sizes[row]], until_end(outputs.ids[row])[: 2 * SHOWN[1]]
    begin = np.array([[2, *said]], np.int32)  # what was fed to the decoder: BEGIN, then its words
    shares = model.get_layer("translator").attention(kept[None], begin)
    if shares is None:
        return
    shares = np.asarray(shares)[0]
    across = [_plain(piece) for piece in outputs.subwords.pieces(kept)]
    down = [_plain(piece) for piece in outputs.subwords.pieces([*said, 3])]

    def paint(figure):
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap=style.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
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
    table = [(d, *row.tolist()) for d, row in zip(down, shares, strict=True)]
    heads = [f"{i}:{piece}" for i, piece in enumerate(across)]
    style.write_csv(folder / "plots/attention.csv", ("piece", *heads), table)


def _plain(piece: str) -> str:
    """A piece's space as a low line, which every font has."""
    return {"</s>": "END"}.get(piece, piece.replace("\u2581", "_"))
