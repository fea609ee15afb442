"""Figures of word vectors: where groups of words lie, what is near a word, and how well.

The words are those of the benchmarks' questions. Every function writes under `folder`:
figures/<name>.png and plots/<name>.csv.
"""

from pathlib import Path

import numpy as np

from pipelines.classical import word_vectors
from pipelines.figures import style
from pipelines.spec import DataSpec

GROUPS = {
    "family": "father mother brother sister son daughter husband wife uncle",
    "people": "king queen prince man woman boy girl child lawyer president",
    "body": "head heart hand eye blood arm face tongue brain mouth",
    "nature": "sun moon star sea wind night day fire earth water",
    "money": "money gold cash bank dollar stock price market credit profit",
    "places": "england france germany japan china london paris rome italy egypt",
}
COLORS = (style.BLUE, style.ORANGE, style.GREEN, style.GREY, "#CC79A7", "#E69F00")
LISTED = ("king", "man", "love", "money", "sea", "fast", "company", "happy", "day", "war")
NEIGHBOURS = 6


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Map, neighbours, and similarity against ratings and frequency."""
    draw_vectors(outputs.vectors, outputs, test, spec, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same."""
    draw_vectors(estimator.vectors, outputs, test, spec, folder)


def draw_vectors(vectors: np.ndarray, outputs, test: dict, spec: DataSpec, folder: Path) -> None:
    words, unit = words_of(test), word_vectors.unit_rows(vectors)
    draw_map(words, unit, folder)
    draw_neighbours(words, unit, folder)
    draw_ratings(outputs.similarity, test, spec, folder)


def words_of(test: dict) -> dict[str, int]:
    """Word -> id, of the questions."""
    return {
        word.lower(): int(number)
        for text, ids in zip(test["text"], test["tokens"], strict=True)
        for word, number in zip(text.split(), ids, strict=True)
    }


def draw_map(words: dict[str, int], unit: np.ndarray, folder: Path) -> None:
    """The first two principal components of some groups of words."""
    rows = [(group, word) for group, names in GROUPS.items() for word in names.split()
            if word in words]  # fmt: skip
    if len(rows) < 3:
        return
    points = unit[[words[word] for _, word in rows]]
    centred = points - points.mean(axis=0)
    _, singular, axes_of_variance = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes_of_variance[:2].T
    shares = singular[:2] ** 2 / max((singular**2).sum(), 1e-12)

    def paint(figure):
        axes = figure.add_subplot()
        for color, group in zip(COLORS, GROUPS, strict=True):
            numbers = [number for number, row in enumerate(rows) if row[0] == group]
            axes.scatter(*places[numbers].T, s=14, color=color, label=group)
            for number in numbers:
                axes.annotate(rows[number][1], places[number], (3, 3), color=color, fontsize=8,
                              textcoords="offset points")  # fmt: skip
        axes.set(xlabel=f"first component, {shares[0]:.0%} of the variance",
                 ylabel=f"second component, {shares[1]:.0%}")  # fmt: skip
        axes.legend(loc="best")
        axes.set_title("Groups of words, by principal components")

    style.draw(folder / "figures/map.png", (7.6, 5.6), paint)
    table = [(*row, *place) for row, place in zip(rows, places.tolist(), strict=True)]
    style.write_csv(folder / "plots/map.csv", ("group", "word", "first", "second"), table)


def draw_neighbours(words: dict[str, int], unit: np.ndarray, folder: Path) -> None:
    """The nearest words, among those of the questions."""
    names, ids = list(words), np.array(list(words.values()))
    asked = [word for word in LISTED if word in words] or names[:1]
    cosines = unit[[words[word] for word in asked]] @ unit[ids].T
    rows = []
    for word, row in zip(asked, cosines, strict=True):
        order = [number for number in np.argsort(-row, kind="stable") if names[number] != word]
        rows.append((word, *(f"{names[n]} {row[n]:.2f}" for n in order[:NEIGHBOURS])))
    columns = ("word", *(str(number) for number in range(1, len(rows[0]))))

    def paint(figure):
        axes = figure.add_subplot()
        axes.axis("off")
        table = axes.table(
            rows,
            colLabels=columns,
            loc="center",
            cellLoc="left",
            colLoc="left",
            edges="horizontal",
        )
        table.auto_set_font_size(False)
        table.set_fontsize(9)
        table.scale(1, 1.35)
        axes.set_title("Nearest words and their cosine")

    style.draw(folder / "figures/neighbours.png", (9.5, 0.6 + 0.33 * len(rows)), paint)
    style.write_csv(folder / "plots/neighbours.csv", columns, rows)


def draw_ratings(similarity: np.ndarray, test: dict, spec: DataSpec, folder: Path) -> None:
    """Cosine against people's ratings; colour is the frequency of the rarer word."""
    names = list(spec.task_metadata["benchmarks"])
    rows = np.flatnonzero(np.asarray(test["benchmark"]) == names.index("wordsim353"))
    ratings, cosines = np.asarray(test["rating"])[rows], similarity[rows]
    ranks = np.array([max(test["tokens"][int(row)]) - word_vectors.FIRST_WORD + 1 for row in rows])
    count = spec.task_metadata["benchmarks"]["wordsim353"]

    def paint(figure):
        axes = figure.add_subplot()
        points = axes.scatter(ratings, cosines, c=np.log10(ranks), s=18, cmap="viridis_r")
        figure.colorbar(points, label="rank of the rarer word in train, log10")
        axes.set(xlabel="rating by people", ylabel="cosine")
        axes.set_title(f"WordSim-353: {count['covered']} of {count['total']} pairs are covered")

    style.draw(folder / "figures/ratings.png", (6.8, 4.4), paint)
    table = [
        (test["text"][int(row)], rating, cosine, rank)
        for row, rating, cosine, rank in zip(
            rows, ratings.tolist(), cosines.tolist(), ranks.tolist(), strict=True
        )
    ]
    style.write_csv(folder / "plots/ratings.csv", ("pair", "rating", "cosine", "rank"), table)
