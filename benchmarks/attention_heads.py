"""Every head's self-attention apart: `.venv/bin/python benchmarks/attention_heads.py [text]`.

Draws how much each word of a text attends to each other word, in every head of every block of a
trained text classifier, and writes docs/attention_heads.png. The experiment's words are its tokens
(`dvc repro evaluate@reviews_transformer` first).
"""

import sys
from pathlib import Path

import keras
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.experiments import params_file  # noqa: E402
from pipelines.evaluation.context import Evaluation  # noqa: E402
from pipelines.preprocessing import tokenization  # noqa: E402
from pipelines.tasks.text_classification import self_attention  # noqa: E402

EXPERIMENT = "reviews_transformer"
TEXT = "The plot is thin, but the actors are wonderful."
FIGURE = ROOT / "docs/attention_heads.png"


def main() -> None:
    text = " ".join(sys.argv[1:]) or TEXT
    stage = Evaluation.of(params_file(EXPERIMENT), EXPERIMENT)
    trial = stage.trials()[0]
    path = stage.trained / trial.name / "model.keras"
    (name,) = stage.spec.inputs
    tokenizer = tokenization.Tokenizer.load(trial.assets(stage.prepared) / f"{name}.json")
    words = tokenization.split("word", tokenizer.lowercase, tokenizer.rules, text)
    (ids,) = tokenizer.encode([text])
    model = keras.saving.load_model(path, compile=False)
    weights = self_attention.of_heads(model, np.array([ids], np.int32))
    self_attention.draw(weights, words, FIGURE)


if __name__ == "__main__":
    main()
