"""The data set block and the possible experiments of labelled texts."""

from dataclasses import replace

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit, unsplit
from pipelines.preparation.inspection.texts import LabelledTexts

WORD_INPUT = {"granularity": "word", "lowercase": True}
MAX_TOKENS, MAX_VOCABULARY = 400, 20_000
LONG_TOKENS, LENGTH_BUCKETS = 64, 4  # longer texts are padded to one of a few lengths

# Pieces of a word that a sentence encoder reads, and the longest texts it is proposed for: beyond,
# the end of a text is cut off.
PIECES, MAX_PIECES = 1.5, 256

PRETRAINED = Template(
    "minilm", "a sentence encoder that has read a billion sentences, fine-tuned", "pretrained_text",
    {"builder": "pretrained_text"},
    {
        "epochs": 20, "batch_size": 32, "learning_rate": 1e-3, "patience": None,
        "length_buckets": LENGTH_BUCKETS,
        "fine_tune": {
            "learning_rate": 1.5e-4, "layer_decay": 0.9, "schedule": "cosine", "warmup": 0.1,
            "weight_decay": 0.01,
        },
    },
    40.0, 400, 2, 5, weights="minilm",
)  # fmt: skip
TEXTS = (
    Template(
        "ngrams", "linear model of n-grams, beside the mean of word vectors", "ngrams",
        {"builder": "ngram_classifier", "max_ngram": 2}, fit(64, 2e-3), 0.2, 700, 4, 8,
    ),
    Template(
        "cnn", "convolutions over words", "text_cnn",
        {"builder": "text_cnn", "embedding_dim": 64, "filters": 100, "kernel_sizes": [1, 2, 3]},
        fit(32, 1e-3), 0.7, 2500,
    ),
    Template(
        "bilstm", "a recurrent network from both ends", "recurrent",
        {"builder": "bilstm_classifier", "embedding_dim": 64, "units": 48},
        fit(32, 1e-3), 3.0, 2000,
    ),
    Template(
        "transformer", "attention between words", "transformer_classifier",
        {
            "builder": "transformer_classifier", "hidden_dim": 64, "num_heads": 4, "depth": 1,
            "dropout": 0.1,
        },
        fit(32, 1e-3), 1.5, 2000,
    ),
)  # fmt: skip


def plan(content: LabelledTexts, layout: dict, converted: bool) -> Plan:
    recipe, options = _text_reading(content, layout, converted)
    if content.positive is not None:
        options["positive"] = content.positive
    if content.overlap:
        options["overlap"] = "report"
    given = {*layout.get("files", {}), *layout.get("folders", {})} & {"val", "test"}
    if split := unsplit(given):
        options["split"] = split
    vocabulary = max(100, min(MAX_VOCABULARY, content.distinct_words // 2))
    tokens = max(8, min(round(1.3 * content.words), MAX_TOKENS))
    words = {**WORD_INPUT, "vocabulary_size": vocabulary, "max_tokens": tokens}
    block = DatasetBlock(recipe, {**options, "inputs": {"words": words}})
    templates, units = list(TEXTS), content.rows * 0.7 * tokens / 1e5
    if tokens >= LONG_TOKENS:
        templates = [
            replace(template, fit={**template.fit, "length_buckets": LENGTH_BUCKETS})
            for template in templates
        ]
    if content.is_english and PIECES * content.words < MAX_PIECES:
        templates.insert(0, PRETRAINED)
    return Plan(block, templates, units, int(content.rows * 0.7), _classical_seconds(content))


def _classical_seconds(content: LabelledTexts) -> float:
    """By the millions of characters; few rows are divided five times."""
    millions = min(content.rows * content.characters / 1e6, 10)
    return 40 * millions * (5 if content.rows <= 5000 else 1)


def _text_reading(content: LabelledTexts, layout: dict, converted: bool) -> tuple[str, dict]:
    """The recipe, and the options by which it finds texts and labels."""
    if converted:
        splits = sorted({split for _, _, split in content.cleaned} - {""})
        files = {"files": {split: f"{split}.csv" for split in splits}} if splits else {}
        return "text_csv", {"text": "text", "label": "label", **files}
    encoding = {} if layout["encoding"] == "utf-8" else {"encoding": layout["encoding"]}
    if "folders" in layout:
        classes = {"classes": layout["classes"]} if "classes" in layout else {}
        return "text_folder", {"folders": layout["folders"], **classes, **encoding}
    if "class_files" in layout:
        return "text_lines", {"files": {"all": layout["class_files"]}, **encoding}
    files = {"files": layout["files"]} if "files" in layout else {}
    if "label_lines" in layout:
        return "text_lines", {**files, **encoding}
    options = {"text": layout["text"], "label": layout["label"], **files, **encoding}
    usual = {"delimiter": ",", "quoting": True, "header": True}
    return "text_csv", options | {k: layout[k] for k, v in usual.items() if layout[k] != v}


def pieces(content: LabelledTexts) -> int:
    """Word pieces of all but the longest texts, with the two markers of an encoder."""
    return max(16, min(round(PIECES * content.words) + 2, MAX_PIECES))
