"""Images with captions become splits on disk: by image, with a vocabulary; for all recipes.

Train and val have a row for each caption: image (height, width, channels) uint8, image_bytes (the
encoded file, as a client would send it) and file (its name), which the captions of an image share;
caption_in (BEGIN, then ids) and caption_out (ids, then END), padded; and the text, caption. Test
has a row for each image: the same, with caption_in and caption_out of its first caption, and all of
them as references, with a line feed between them; beside these what else a recipe knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation import image_splits
from pipelines.preparation.data_report import findings, texts
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.labelled_images import Size
from pipelines.preparation.splits import HoldOut
from pipelines.preprocessing import windows
from pipelines.preprocessing.image_decoding import Reader
from pipelines.preprocessing.sentencepiece import BEGIN, END, Subwords, learn
from pipelines.storage import arrays
from pipelines.storage.repeated import Repeated

IMAGE, CAPTION_IN, TARGET = "image", "caption_in", "caption_out"
RAW, CAPTION, REFERENCES = "image_bytes", "caption", "references"
READER_FILE, TRAIN_CAPTIONS = "image.json", "captions.txt"
BY_DEFAULT = HoldOut()


class CaptionTokens(BaseModel):
    """What the tokens of a caption are, learned from train.

    Args:
        vocabulary_size: number of tokens, at most.
        method: unigram (Kudo 2018), bpe (Sennrich et al. 2016), word (rare ones are unknown, and
            never said) or char.
        normalization: of characters, by SentencePiece's name; those with _cf also write capitals
            small; identity changes nothing.
        max_tokens: the longest caption in tokens, with its end.
    """

    model_config = STRICT
    vocabulary_size: Annotated[int, Field(strict=True, ge=8)] = 2000
    method: Literal["unigram", "bpe", "word", "char"] = "unigram"
    normalization: Literal["nmt_nfkc_cf", "nfkc_cf", "nmt_nfkc", "nfkc", "identity"] = "nmt_nfkc_cf"
    max_tokens: Annotated[int, Field(strict=True, ge=2)] = 40


class Options(BaseModel):
    """What is done with the images and captions, wherever they come from.

    Args:
        size: height and width to resize images to; see preprocessing/image_decoding.py.
        tokens: of captions: {vocabulary_size, method, normalization, max_tokens}.
    """

    model_config = STRICT
    size: Size = (64, 64)
    tokens: CaptionTokens = CaptionTokens()


@dataclass(frozen=True)
class CaptionedImages:
    """All images of a source, and what is said of each.

    Args:
        source: for errors.
        images: (H, W, C) uint8 of each, at the size that models see.
        files: encoded.
        names: of the files.
        given_splits: of each image "train", "val" or "test" where the source says so, else "".
        captions: of each image, one or more, without line feeds.
        of_test: what else is known of each image, by the name of the column of test.
    """

    source: Path
    images: Sequence[np.ndarray]
    files: Sequence[bytes]
    names: Sequence[str]
    given_splits: np.ndarray
    captions: Sequence[Sequence[str]]
    of_test: Mapping[str, arrays.Column] = field(default_factory=dict)


def write(
    data: CaptionedImages, out: Path, reader: Reader, options: Options, seed: int,
    split: HoldOut = BY_DEFAULT,
) -> spec.DataSpec:  # fmt: skip
    """Writes the splits into out/repeat0/ and returns the spec that describes them.

    Args:
        data: all images.
        out: an empty folder.
        reader: with which the images were decoded; stored as an asset for serving.
        options: what is done with them.
        seed: of the random draws.
        split: how many images are val and test, where the source does not say so.

    Raises:
        UserError: an image in two splits, or a vocabulary that cannot be learned.
    """
    findings.write(out, findings.accepted(report(data)))
    images_of = image_splits.draw(
        data.source, data.images, data.names, data.given_splits, split, seed
    )[0]  # fmt: skip
    for name, members in images_of.items():
        if not len(members):
            raise UserError(
                "rows-missing", f"the {name} split has no image; make it larger, or add images",
                path=data.source, key=f"split.{name}",
            )  # fmt: skip
    captions = [text for number in images_of["train"] for text in data.captions[number]]
    tokens = options.tokens
    subwords = learn(captions, tokens.vocabulary_size, tokens.method, tokens.normalization)
    assets = out / "repeat0/assets"
    assets.mkdir(parents=True)
    reader.save(assets / READER_FILE)
    subwords.save(assets)
    distinct = "\n".join(dict.fromkeys(captions))
    (assets / TRAIN_CAPTIONS).write_text(distinct + "\n", "utf-8")
    for name, members in images_of.items():
        make = image_rows if name == "test" else caption_rows
        columns = make(data, members, subwords, tokens.max_tokens)
        arrays.write(out / "repeat0" / name, columns)
    shape = (reader.height, reader.width, reader.channels)
    return data_spec(shape, tokens.max_tokens, subwords.size)


def data_spec(shape: tuple[int, int, int], max_tokens: int, size: int) -> spec.DataSpec:
    """What models of these arrays must accept and produce.

    Args:
        shape: of an image, (H, W, C).
        max_tokens: of a caption, with its end.
        size: how many ids there are.
    """
    return spec.DataSpec(
        inputs={
            IMAGE: spec.Field(shape, "uint8", "intensity, 0 to 255", kind="image"),
            CAPTION_IN: spec.Field.token_ids(max_tokens, size),
        },
        target=spec.Target.token_ids(max_tokens, size, name=TARGET),
        outputs=size, request_inputs=(RAW,),
    )  # fmt: skip


def caption_rows(
    data: CaptionedImages, members: np.ndarray, subwords: Subwords, max_tokens: int
) -> dict[str, arrays.Column]:
    """The columns of train and val: a row for each caption, image by image."""
    counts = [len(data.captions[number]) for number in members]
    captions = [text for number in members for text in data.captions[number]]
    place = np.repeat(np.arange(len(members)), counts)
    return {
        IMAGE: Repeated(np.stack([data.images[number] for number in members]), place),
        RAW: Repeated([data.files[number] for number in members], place),
        "file": Repeated([data.names[number] for number in members], place),
        CAPTION: captions,
        **encode(data.source, captions, subwords, max_tokens),
    }


def image_rows(
    data: CaptionedImages, members: np.ndarray, subwords: Subwords, max_tokens: int
) -> dict[str, arrays.Column]:
    """The columns of test: a row for each image."""
    known = {
        name: column[members] if isinstance(column, np.ndarray) else [column[n] for n in members]
        for name, column in data.of_test.items()
    }
    return {
        IMAGE: np.stack([data.images[number] for number in members]),
        RAW: [data.files[number] for number in members],
        "file": [data.names[number] for number in members],
        REFERENCES: ["\n".join(data.captions[number]) for number in members],
        **encode(data.source, [data.captions[n][0] for n in members], subwords, max_tokens),
        **known,
    }


def encode(
    source: Path, captions: Sequence[str], subwords: Subwords, max_tokens: int
) -> dict[str, np.ndarray]:
    """caption_in and caption_out, (n, max_tokens) ids."""
    ids, limit = subwords.encode(captions), max_tokens - 1
    if cut := sum(len(row) > limit for row in ids):
        print(
            f"{source}: {cut} of {len(ids)} captions truncated after {limit} tokens; raise "
            "tokens.max_tokens to keep them whole"
        )
    # A truncated caption does not end there, so the target has no END.
    return {
        CAPTION_IN: windows.pad([[BEGIN, *row[:limit]] for row in ids], max_tokens),
        TARGET: windows.pad([[*row, END] for row in ids], max_tokens),
    }


def report(data: CaptionedImages) -> list[Finding]:
    """The data report on all images."""
    pairs = list(zip(data.names, data.captions, strict=True))
    captions = [text for _, texts_of in pairs for text in texts_of]
    places = [name for name, texts_of in pairs for _ in texts_of]
    message = f"{len(captions)} captions of {len(data.images)} images"
    return [
        Finding("rows", "info", len(captions), message), *texts.contents(captions, places, CAPTION)
    ]  # fmt: skip
