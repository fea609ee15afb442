"""How fast the server makes texts token by token: `make bench-serving-text`.

One reader and many readers at once, beside the same signatures called in process; each round
measures everything once, and medians over the rounds are reported, as in `benchmarks/serving.py`.
Texts are drawn from the whole distribution and from a nucleus. Writes docs/serving_text.json:
tokens of all readers in a second, and the times of whole texts.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.serving import ROUNDS, clients, medians, server, summary  # noqa: E402
from pipelines.runtime import hardware  # noqa: E402
from serving.config import Batching  # noqa: E402
from serving.servables import repository, servable, text_generator  # noqa: E402

FILE = ROOT / "docs/serving_text.json"
EXPORTED = ROOT / "data/exported"
READERS = (1, 16)
SECONDS = 4.0  # of each measurement
TOKENS = 64  # of a text
PROMPT = "To be, or not to be"
SETTINGS = {
    "all": {"temperature": 1.0, "top_k": 0, "top_p": 1.0},
    "nucleus": {"temperature": 0.8, "top_k": 50, "top_p": 0.9},
}


def main() -> None:
    servable.set_threads(Batching().threads)
    models = sys.argv[1:] or language_models()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "served"
        for model in models:
            repository.publish(EXPORTED / model, root, model)
        generators = {model: servable.load(root / model / "1").generator for model in models}
        rounds = []
        with server(root) as (rest, _, _):
            for number in range(ROUNDS):
                print(f"round {number + 1} of {ROUNDS} ...", flush=True)
                rounds.append(measure(generators, rest, Path(folder)))
    rows = [{**row, "tokens_per_s": round(TOKENS * row["rps"])} for row in medians(rounds)]
    FILE.write_text(json.dumps({"machine": hardware.description(), "rows": rows}, indent=1) + "\n")
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def language_models() -> list[str]:
    """The exported models that make texts token by token."""
    return [
        path.parent.name
        for path in sorted(EXPORTED.glob("*/signature.json"))
        if set(text_generator.SIGNATURES) <= set(json.loads(path.read_text("utf-8"))["signatures"])
    ]


def measure(generators, rest: str, folder: Path) -> dict[tuple, dict]:
    """{(model, frontend, readers or rows): measurements}; a request is a text."""
    results = {}
    for model, generator in generators.items():
        for name, settings in SETTINGS.items():
            label = model if name == "all" else f"{model}, {name}"
            body = folder / f"{name}.json"
            parameters = {**settings, "max_tokens": TOKENS}
            body.write_text(json.dumps({"text_input": PROMPT, "parameters": parameters}))
            for count in READERS:
                results[label, "in process", count] = in_process(generator, settings, count)
                stream = clients(rest, model, "stream", count, SECONDS, {"v1": [str(body)]})
                results[label, "stream, Python", count] = stream
    return results


def in_process(generator, settings: dict, rows: int) -> dict:
    times, end = [], time.perf_counter() + SECONDS
    parameters = [{**settings, "seed": seed} for seed in range(rows)]
    while (started_at := time.perf_counter()) < end:
        batch, _ = generator.begin([PROMPT.encode()] * rows, parameters)
        for _ in range(TOKENS):
            batch, _ = generator.advance(batch)
        times.append(time.perf_counter() - started_at)
    return {**summary(times), "rps": rows * len(times) / float(np.sum(times)), "failed": 0}


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
