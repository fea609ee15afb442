"""gensim's word2vec on a prepared data set of word_embedding: words a second, and WordSim-353.

    .venv-peers/bin/python -m benchmarks.peers.gensim_word2vec plays_words --epochs 15

Its program is optimized C that two threads run without locks, so results differ from run to run.
The text is that of our experiment, id by id, and so are window, negatives and sub-sampling.
Scores are computed by our code. It prints one line of JSON. Ours: train's tokens divided by the
seconds of an epoch in data/trained/<experiment>/<trial>/history.csv.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from pipelines.classical import word_vectors
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.tasks.word_embedding import metrics

MOST_TOKENS = 10_000  # of a sentence: gensim drops what is beyond


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    prepared = Path("data/prepared") / options.dataset
    spec = DataSpec.load(prepared / "spec.json")
    train, test = (arrays.read(prepared / "repeat0" / split) for split in ("train", "test"))
    (name,) = spec.inputs
    vectors, seconds, words = trained(train[name], spec.outputs, options)
    outputs = metrics.Outputs(**word_vectors.answers(vectors, test[name]))
    rows = len(test[name])
    scores = metrics.score(outputs, test, spec, np.ones((1, rows)))
    result = {name: round(float(values[0]), 4) for name, values in scores.items()}
    print(json.dumps({**vars(options), "words_per_s": round(words / seconds), **result}))


def trained(documents, size: int, options) -> tuple[np.ndarray, float, int]:
    """(V, D) vectors by id, the seconds of training, and how many words it read in them."""
    from gensim.models import Word2Vec

    sentences = [
        list(map(str, words[start : start + MOST_TOKENS]))
        for words in (ids[ids >= word_vectors.FIRST_WORD].tolist() for ids in documents)
        for start in range(0, len(words), MOST_TOKENS)
    ]
    model = Word2Vec(
        vector_size=options.dim, window=5, sg=1, negative=5, sample=1e-3, min_count=1,
        workers=options.threads, seed=options.seed,
    )  # fmt: skip
    model.build_vocab(sentences)
    began = time.perf_counter()
    model.train(sentences, total_examples=len(sentences), epochs=options.epochs)
    seconds = time.perf_counter() - began
    vectors = np.zeros((size, options.dim), np.float32)
    vectors[[int(word) for word in model.wv.index_to_key]] = model.wv.vectors
    return vectors, seconds, options.epochs * sum(map(len, sentences))


if __name__ == "__main__":
    main()
