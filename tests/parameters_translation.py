"""Exact parameter counts of the translators, by hand.

With V = 50 ids, embedding C, units U: a GRU has 3 U (inputs + U + 2) weights in Keras (two biases a
gate), an LSTM 4 U (inputs + U + 1), a dense layer (inputs + 1) outputs.
"""

from pipelines.spec import DataSpec, Field

IDS = Field((12,), "int32", "token id", 50)
SPEC = DataSpec(
    inputs={"source": IDS, "target_in": IDS}, target="target_out", outputs=50, raw="text"
)
# embedding + both encoders + bridge from 2 U + decoder + combine
GRU = 50 * 8 + 2 * 3 * 16 * (8 + 16 + 2) + (32 + 1) * 16 + 3 * 16 * (8 + 16 + 2) + (16 + 1) * 8
# LSTM has two states, so two bridges; attention adds the projection and doubles what is combined
LSTM = 50 * 8 + 2 * 4 * 16 * (8 + 16 + 1) + 2 * (32 + 1) * 16 + 4 * 16 * (8 + 16 + 1)
ATTENTION = 32 * 16 + (32 + 1) * 8
# width 16, feed forward 32: attention is four dense layers, a norm two vectors
ENCODER = 4 * 17 * 16 + 17 * 32 + 33 * 16 + 2 * 2 * 16
DECODER = ENCODER + 4 * 17 * 16 + 2 * 16

CASES = [
    ("models.seq2seq.seq2seq", SPEC, {"embedding_width": 8, "units": 16}, GRU),
    (
        "models.seq2seq.seq2seq_attention",
        SPEC,
        {"embedding_width": 8, "units": 16, "cell": "lstm"},
        LSTM + ATTENTION,
    ),
    (
        "models.transformer.transformer",
        SPEC,
        {"width": 16, "heads": 2, "depth": 3, "feed_forward": 32},
        50 * 16 + 3 * (ENCODER + DECODER) + 2 * 2 * 16,
    ),
]
