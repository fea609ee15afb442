"""The served language model; its signatures are described in served_model.py."""

from pathlib import Path

import numpy as np

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling import decoders
from pipelines.tasks.language_modeling.metrics import Outputs, score, weights
from pipelines.tasks.language_modeling.served_model import PARAMETERS, endpoints_of

__all__ = [
    "KINDS", "REQUIRES", "SCORED", "endpoints", "estimator_endpoints", "examples", "outputs",
    "requires", "score", "sizes", "weights",
]  # fmt: skip

REQUIRES = ("tensorflow_text",)  # for sub-words
SCORED = "score"  # the signature whose answers are compared with evaluate's
EXAMPLE_CHARACTERS = 40
KINDS = {
    "prompt": "text", "text": "text", "stop": "text", "completion": "text",
    "finish_reason": "label", "log_probability": "score", "log_likelihood": "score",
    **dict.fromkeys(("max_tokens", "temperature", "top_k", "top_p", "seed"), "number"),
    **dict.fromkeys(("tokens", "characters", "bits_per_character", "prompt_tokens"), "number"),
    **dict.fromkeys(("unknown_tokens", "truncated", "position", "ended"), "number"),
    "token": "ids",
}  # fmt: skip


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    return endpoints_of(decoders.of_network(model), spec, assets)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    return endpoints_of(decoders.of_estimator(estimator), spec, assets)


def requires(spec: DataSpec) -> tuple[str, ...]:
    """Libraries to import before loading the graph of this data."""
    return REQUIRES if spec.task_metadata["granularity"] == "subword" else ()


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict]:
    """Limits and defaults of the inputs by name."""
    return PARAMETERS


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What `score` answered, in the form that `metrics.score` takes."""
    return Outputs(-answer["log_likelihood"].astype(np.float64), answer["tokens"])


def examples(test: dict, spec: DataSpec, rows: int) -> dict[str, list[str]]:
    """Prompts for the golden examples: how the first documents begin."""
    texts = test[spec.request_inputs[0]][:rows]
    return {"prompt": [text[:EXAMPLE_CHARACTERS].rpartition(" ")[0] for text in texts]}
