"""Folders with a tiny pretrained text encoder, in both layouts, and data that starts from it."""

import json
import struct
from pathlib import Path

import keras_hub
import numpy as np

WORDS = (
    "win cash prize claim free urgent call home later love dinner mum bus you the to now and see "
    "at we go un ##believ ##able ##s ##ing play caf ##e 日 本 ! ? . , ' - £ ( ) 1 2 3 9 0 i t x"
)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(WORDS.split())]
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
POSITIONS = 32
CONFIG = {
    "model_type": "bert", "vocab_size": len(VOCABULARY), "num_hidden_layers": 2,
    "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 12,
    "max_position_embeddings": POSITIONS,
}  # fmt: skip


def preset(folder: Path, lowercase: bool = True) -> Path:
    """As KerasHub's `save_to_preset` writes it."""
    backbone = keras_hub.models.BertBackbone(
        len(VOCABULARY), **SIZES, max_sequence_length=POSITIONS
    )
    backbone.save_to_preset(str(folder))
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=VOCABULARY, lowercase=lowercase)
    tokenizer.save_to_preset(str(folder))
    return folder


def published(folder: Path, **changes) -> Path:
    """As it is published: config.json, model.safetensors, vocab.txt, tokenizer_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "strip_accents": null}')
    (folder / "model.safetensors").write_bytes(safetensors({"a": np.zeros(3, np.float32)}))
    return folder


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    """The tensors in the format that https://github.com/huggingface/safetensors describes."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        places = [len(data), len(data) + tensor.nbytes]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": places}
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
