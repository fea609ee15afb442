"""Figures and tables of a text classifier."""

from pathlib import Path

import numpy as np

from pipelines.figures import classification, errors, ngram_weights, words
from pipelines.preparation import encoder_folder
from pipelines.preprocessing import wordpiece
from pipelines.spec import DataSpec

WARM_START = "warm_start"  # key of the encoder's folder in the spec's task_metadata
SHOWN = 4  # texts of each kind: the most confident answers, and the most confident mistakes


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Confusion matrix, calibration, precision-recall curve and the most confident errors.

    Of a model with a pretrained encoder also words.png: how much each word adds to the answer.
    """
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    columns = {
        name: test[name] for name in ("file", "line", spec.request_inputs[0]) if name in test
    }
    errors.mistakes(columns, outputs.probabilities, outputs.predicted, targets, labels, folder, 10)
    granularity = spec.task_metadata.get("granularity", {})
    if set(granularity.values()) == {wordpiece.GRANULARITY} and WARM_START in spec.task_metadata:
        draw_words(outputs, test, targets, spec, folder, model)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same figures, and the n-grams with the largest weights."""
    draw(outputs, test, spec, decision, folder, estimator)
    blocks = estimator.model.blocks
    ngrams = [ngram for block in blocks for ngram in block.vocabulary]
    # Of a single occurrence, before the norm of the text divides it.
    weights = np.concatenate([block.occurrence_weights for block in blocks])
    ngram_weights.strongest(ngrams, weights, spec.labels, folder)


def draw_words(outputs, test: dict, targets, spec: DataSpec, folder: Path, model) -> None:
    """The texts of the most confident right and wrong answers, coloured word by word."""
    from pipelines.tasks.text_classification import word_attributions  # imports TensorFlow

    if not word_attributions.explainable(model):
        return
    ((name, _),) = spec.inputs.items()
    vocabulary = encoder_folder.read(Path(spec.task_metadata[WARM_START])).vocabulary
    right = outputs.predicted == targets
    confidence = outputs.probabilities[np.arange(len(targets)), outputs.predicted]
    order = np.argsort(-confidence, kind="stable")
    rows = [*order[right[order]][:SHOWN], *order[~right[order]][:SHOWN]]
    ids = np.asarray(test[name])[rows]
    pieces = word_attributions.of_pieces(model, ids, outputs.predicted[rows]).numpy()
    texts = []
    for number, row in enumerate(rows):
        title = (
            f"test row {row}: {spec.labels[outputs.predicted[row]]} {confidence[row]:.2f}, "
            f"is {spec.labels[targets[row]]}"
        )
        spelt, scores = joined(ids[number], pieces[number], vocabulary)
        texts.append(words.ColouredText(int(row), title, spelt, scores))
    words.attributions(texts, folder)


def joined(ids, scores, vocabulary: list[str]) -> tuple[list[str], list[float]]:
    """Words and their scores from a row of pieces, without [CLS], [SEP] and padding."""
    spelt: list[str] = []
    totals: list[float] = []
    for number, score in zip(ids.tolist(), scores.tolist(), strict=True):
        piece = vocabulary[number]
        if piece in (wordpiece.PADDING, wordpiece.CLS, wordpiece.SEP):
            continue
        if piece.startswith(wordpiece.INSIDE) and spelt:
            spelt[-1] += piece.removeprefix(wordpiece.INSIDE)
            totals[-1] += score
        else:
            spelt.append(piece)
            totals.append(score)
    return spelt, totals
