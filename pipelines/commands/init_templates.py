"""The blocks that `init` writes: every key and builder name of params.yaml that it knows is here.

An experiment's cost is counted in seconds an epoch for each unit of data, measured on 2 cores:
1,000 texts of 100 tokens, 1,000 windows of 100 steps, 1,000 images of 1,000 pixels, 1,000 sentence
pairs of 100 sub-words.
"""

from dataclasses import dataclass, field, replace

from pipelines.config import task_fit
from pipelines.preparation.inspection.images import Images
from pipelines.preparation.inspection.pairs import Pairs
from pipelines.preparation.inspection.series import Series
from pipelines.preparation.inspection.source import Source
from pipelines.preparation.inspection.texts import LabelledTexts

WORD_INPUT = {"granularity": "word", "lowercase": True}
SPLIT = {"val": 0.15, "test": 0.15}
SERIES_SPLIT = {"val": 0.15, "test": 0.2}
MAX_TOKENS, MAX_VOCABULARY = 400, 20_000


@dataclass(frozen=True)
class Template:
    """One experiment of a portfolio.

    name: the end of its key. why: the comment above it. seconds: an epoch, for each unit of data.
    steps: of gradient descent that are enough. loss, decide: arguments of the task's functions.
    """

    name: str
    why: str
    module: str
    build: dict
    fit: dict
    seconds: float
    steps: int
    least_epochs: int = 4
    most_epochs: int = 80
    loss: dict = field(default_factory=dict)
    decide: dict = field(default_factory=dict)


def _fit(batch_size: int, learning_rate: float, **more) -> dict:
    fit = {"batch_size": batch_size, "learning_rate": learning_rate, "patience": None}
    return {**fit, "ema_momentum": 0.98, **more}


TEXTS = (
    Template(
        "ngrams", "linear model of n-grams, beside the mean of word vectors", "ngrams",
        {"builder": "ngram_classifier", "max_ngram": 2}, _fit(64, 2e-3), 0.2, 700, 4, 8,
    ),
    Template(
        "cnn", "convolutions over words", "text_cnn",
        {"builder": "text_cnn", "embedding_dim": 64, "filters": 100, "kernel_sizes": [1, 2, 3]},
        _fit(32, 1e-3), 0.7, 2500,
    ),
    Template(
        "bilstm", "a recurrent network from both ends", "recurrent",
        {"builder": "bilstm_classifier", "embedding_dim": 64, "units": 48},
        _fit(32, 1e-3), 3.0, 2000,
    ),
    Template(
        "transformer", "attention between words", "transformer_classifier",
        {
            "builder": "transformer_classifier", "hidden_dim": 64, "num_heads": 4, "depth": 1,
            "dropout": 0.1,
        },
        _fit(32, 1e-3), 1.5, 2000,
    ),
)  # fmt: skip
SERIES = (
    Template(
        "linear", "one linear map from the history to the forecast", "linear",
        {"builder": "linear_forecaster"}, _fit(32, 3e-3), 0.1, 3000, 5, 150,
    ),
    Template(
        "ridge_gru", "the mean of a ridge regression and a GRU over segments", "segment_gru",
        {"builder": "ridge_gru_forecaster", "units": 64, "segment_steps": None, "dropout": 0.3},
        {"batch_size": 64, "learning_rate": 2e-3, "patience": None, "clip_norm": 1.0},
        0.9, 800, 3, 40,
    ),
    Template(
        "gru", "a recurrent network", "recurrent_forecasters",
        {"builder": "gru_forecaster", "units": 32, "dropout": 0.2},
        _fit(32, 2e-3, clip_norm=1.0), 0.6, 2000, 3, 120,
    ),
    Template(
        "tcn", "causal convolutions", "tcn",
        {"builder": "tcn_forecaster", "filters": 32, "kernel_size": 3, "dropout": 0.1},
        _fit(32, 3e-3, clip_norm=1.0), 1.0, 1500, 3, 100,
    ),
)  # fmt: skip
AUGMENT = {"translation": 0.1, "rotation": 0.03, "zoom": 0.1}
IMAGES = (
    Template(
        "vgg", "stages of small convolutions, the mean over all places", "vgg",
        {"builder": "vgg", "filters": [16, 32, 64], "convolutions": [1, 2, 2], "augment": AUGMENT},
        _fit(32, 3e-3, schedule="cosine", warmup=0.1), 0.5, 3000, 5, 60,
    ),
    Template(
        "cnn", "two convolutions", "small_cnn",
        {"builder": "small_cnn", "filters": [32, 64], "units": 64, "augment": AUGMENT},
        _fit(32, 1e-3), 0.4, 3000, 5, 60,
    ),
    Template(
        "resnet", "a small residual network", "resnet",
        {"builder": "resnet", "depth": 8, "filters": 16, "augment": AUGMENT},
        _fit(32, 3e-3, schedule="cosine", warmup=0.1), 0.8, 3000, 5, 60,
    ),
)  # fmt: skip
_BEAMS = {"loss": {"label_smoothing": 0.1}, "decide": {"beam_width": 4, "length_penalty": 1.0}}
PAIRS = (
    Template(
        "transformer", "attention alone", "transformer",
        {"builder": "transformer", "hidden_dim": 96, "num_heads": 4, "depth": 2, "mlp_dim": 256},
        _fit(64, 2e-3, clip_norm=1.0, length_buckets=4), 7.0, 8000, 3, 40, **_BEAMS,
    ),
    Template(
        "attention", "recurrent, with attention to the source", "seq2seq",
        {"builder": "seq2seq_attention", "embedding_dim": 96, "units": 128, "cell": "gru"},
        _fit(64, 3e-3, clip_norm=1.0, length_buckets=4), 6.0, 8000, 3, 40, **_BEAMS,
    ),
    Template(
        "seq2seq", "recurrent, without attention", "seq2seq",
        {"builder": "seq2seq", "embedding_dim": 96, "units": 128, "cell": "gru"},
        _fit(64, 3e-3, clip_norm=1.0, length_buckets=4), 5.0, 8000, 3, 40, **_BEAMS,
    ),
)  # fmt: skip
LONG_TOKENS, LENGTH_BUCKETS = 64, 4  # longer texts are padded to one of a few lengths


@dataclass(frozen=True)
class DatasetBlock:
    recipe: str
    options: dict


@dataclass(frozen=True)
class Plan:
    """units: of data that one epoch goes through. train_rows: rows of train."""

    dataset: DatasetBlock
    templates: list[Template]
    units: float
    train_rows: int


def plan(source: Source, converted: bool) -> Plan:
    """The data set blocks and the possible experiments of a source.

    Args:
        converted: whether the source is read from a file that `init` writes.
    """
    if source.task == "text_classification":
        return _texts(source.content, source.layout, converted)
    if source.task == "forecasting":
        return _series(source.content, converted)
    if source.task == "image_classification":
        return _images(source.content)
    return _pairs(source.content, source.layout, converted)


def _texts(content: LabelledTexts, layout: dict, converted: bool) -> Plan:
    recipe, options = _text_reading(content, layout, converted)
    if content.positive is not None:
        options["positive"] = content.positive
    if content.overlap:
        options["overlap"] = "report"
    given = {*layout.get("files", {}), *layout.get("folders", {})} & {"val", "test"}
    if split := {part: share for part, share in SPLIT.items() if part not in given}:
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
    return Plan(block, templates, units, int(content.rows * 0.7))


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


def _series(content: Series, converted: bool) -> Plan:
    windows = content.windows
    options = {
        "time": content.time, "values": content.values, "frequency": content.step.frequency,
        "history_steps": windows.history, "horizon_steps": windows.horizon,
        "season_steps": windows.season, "split": SERIES_SPLIT,
    }  # fmt: skip
    if content.time_format:
        options["time_format"] = content.time_format
    if content.missing != [""]:
        options["missing"] = content.missing
    if content.longest_gap:
        options |= {"gaps": "interpolate", "longest_gap_steps": content.longest_gap}
    if not converted:
        table = content.table
        read = {"delimiter": table.delimiter, "decimal": content.decimal}
        read["encoding"] = table.encoding
        # The decimal mark is always written: 1.049 and 775 in one column have two readings.
        usual = {"delimiter": ",", "encoding": "utf-8"}
        options |= {name: value for name, value in read.items() if value != usual.get(name)}
        if content.first_row > 1:
            options["rows"] = [content.first_row, len(table.rows)]
    train = max(1, int(0.65 * content.rows) - windows.history - windows.horizon)
    templates = [_with_segments(template, windows) for template in SERIES]
    return Plan(
        DatasetBlock("timeseries_csv", options), templates, train * windows.history / 1e5,
        train,
    )  # fmt: skip


def _with_segments(template: Template, windows) -> Template:
    """Segments of a season, where the history has several."""
    if "segment_steps" not in template.build:
        return template
    steps = windows.season if 1 < windows.season <= windows.history // 2 else windows.history // 4
    build = {**template.build, "segment_steps": max(1, min(steps, 48))}
    return replace(template, build=build)


def _images(content: Images) -> Plan:
    split = {part: share for part, share in SPLIT.items() if part not in content.folders}
    options = {
        "folders": content.folders, "size": list(content.size), "channels": content.channels,
    }  # fmt: skip
    optional = {
        "classes": sorted(content.classes) if content.has_other_folders else None,
        "positive": content.positive, "bad_files": "skip" if content.skip_bad else None,
        "conflicts": "drop" if content.drop_conflicts else None, "split": split or None,
    }  # fmt: skip
    options |= {name: value for name, value in optional.items() if value is not None}
    units = content.rows * 0.7 * content.size[0] * content.size[1] / 1e6
    return Plan(DatasetBlock("image_folder", options), list(IMAGES), units, int(0.7 * content.rows))


def _pairs(content: Pairs, layout: dict, converted: bool) -> Plan:
    options: dict = {}
    if content.files:
        options["files"] = content.files
    elif converted:
        options |= {"source": 0, "target": 1}
    else:
        options |= {"source": content.source, "target": content.target}
        options |= {"header": True} if layout["header"] else {}
        options |= {"delimiter": layout["delimiter"]} if layout["delimiter"] != "\t" else {}
    if content.encoding != "utf-8" and not converted:
        options["encoding"] = content.encoding
    if content.empty and not converted:
        options["empty"] = "drop"
    if content.overlap:
        options["overlap"] = "report"
    vocabulary = max(60, min(6000, content.distinct_words // 4))
    options["subwords"] = {"vocabulary_size": vocabulary, "max_tokens": content.tokens}
    given = set(content.files or {}) == {"train", "val", "test"}
    if not given:
        options["split"] = {"val": 0.1, "test": 0.1}
    units = content.rows * 0.8 * content.tokens * 0.5 / 1e5
    return Plan(DatasetBlock("parallel_text", options), list(PAIRS), units, int(0.8 * content.rows))


def dataset(block: DatasetBlock, source: str) -> dict:
    return {"recipe": block.recipe, "source": source, "options": block.options}


def experiment(template: Template, task: str, dataset_key: str, epochs: int) -> dict:
    block = {
        "task": task, "dataset": dataset_key, "module": template.module, "build": template.build,
        "fit": {"epochs": epochs, **template.fit},
    }  # fmt: skip
    optional = {"loss": template.loss, "decide": template.decide}
    return block | {name: value for name, value in optional.items() if value}


def classical(task: str, dataset_key: str) -> tuple[str, dict] | None:
    """(key, block) of the classical experiment that the others are compared with."""
    if task not in task_fit.STRONG:
        return None
    module, builder = task_fit.STRONG[task]
    block = {
        "task": task, "dataset": dataset_key, "module": module, "build": {"builder": builder},
    }  # fmt: skip
    return f"{dataset_key}_classical", block


def baseline(task: str, dataset_key: str, strong: str) -> dict:
    return {"task": task, "dataset": dataset_key, "strong": strong}
