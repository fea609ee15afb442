"""The data set block and the possible experiments of sentence pairs."""

from pipelines.commands.init_templates import DatasetBlock, Plan, Template, fit
from pipelines.preparation.inspection.pairs import Pairs

_BEAMS = {"loss": {"label_smoothing": 0.1}, "decide": {"beam_width": 4, "length_penalty": 1.0}}
PAIRS = (
    Template(
        "transformer", "attention alone", "transformer",
        {"builder": "transformer", "hidden_dim": 96, "num_heads": 4, "depth": 2, "mlp_dim": 256},
        fit(64, 2e-3, clip_norm=1.0, length_buckets=4), 7.0, 8000, 3, 40, **_BEAMS,
    ),
    Template(
        "attention", "recurrent, with attention to the source", "seq2seq",
        {"builder": "seq2seq_attention", "embedding_dim": 96, "units": 128, "cell": "gru"},
        fit(64, 3e-3, clip_norm=1.0, length_buckets=4), 6.0, 8000, 3, 40, **_BEAMS,
    ),
    Template(
        "seq2seq", "recurrent, without attention", "seq2seq",
        {"builder": "seq2seq", "embedding_dim": 96, "units": 128, "cell": "gru"},
        fit(64, 3e-3, clip_norm=1.0, length_buckets=4), 5.0, 8000, 3, 40, **_BEAMS,
    ),
)  # fmt: skip


def plan(content: Pairs, layout: dict, converted: bool) -> Plan:
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
    rows = int(0.8 * content.rows)
    block = DatasetBlock("parallel_text", options)
    return Plan(block, list(PAIRS), units, rows, classical_seconds=1 + rows / 3000)
