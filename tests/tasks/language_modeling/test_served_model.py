"""The signatures of a served language model agree with each other, for networks and counts."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from pipelines.classical import ngram_lm
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import SPECIAL_IDS, Tokenizer
from pipelines.tasks.language_modeling import decoders
from pipelines.tasks.language_modeling.example import example_spec
from pipelines.tasks.language_modeling.graph_documents import GraphDocuments, cut_at_stops
from pipelines.tasks.language_modeling.mixture_graph import MixtureGraph
from pipelines.tasks.language_modeling.ngram_decoder import NgramDecoder
from pipelines.tasks.language_modeling.ngram_graph import NgramGraph
from pipelines.tasks.language_modeling.served_model import MAX_TOKENS, endpoints_of
from serving.batching.growing_text import GrowingText

WORDS = ["the", "sea", "is", "(", ")", ",", ".", documents.LINE_END, "I'll", "naïve"]
SIZE = len(WORDS) + SPECIAL_IDS
PROMPTS = ["", "the sea is", "the zebra.", "sea " * 9 + "is"]
# The mixture holds a Transformer and a 4-gram.
KINDS = ["1-gram", *(pytest.param(k, marks=pytest.mark.slow) for k in ("lstm", "mixture"))]
SMALL = {"hidden_dim": 8, "num_heads": 2, "depth": 2, "mlp_dim": 6, "context": 8}


def tokenizer(granularity: str = "word") -> Tokenizer:
    vocabulary = WORDS if granularity == "word" else [*"thes ai(),.\n'ï"]
    rules = documents.Settings(granularity, "split", False, True).rules
    return Tokenizer(granularity, False, rules, vocabulary, 100)


def decoder_of(kind: str):
    if kind.endswith("gram"):
        rng = np.random.default_rng(1)
        texts = [rng.integers(0, SIZE - 1, rng.integers(1, 30)) for _ in range(40)]
        model = ngram_lm.fit("kneser_ney", texts, int(kind[0]), SIZE - 1)
        return NgramDecoder(NgramGraph(model))
    if kind == "mixture":
        return MixtureGraph(decoder_of("transformer"), decoder_of("4-gram"), 0.6)
    keras.utils.set_random_seed(4)
    builder, is_recurrent = f"{kind}_language_model", kind != "transformer"
    model = models.build(
        example_spec(size=SIZE), "recurrent_language_models" if is_recurrent else builder, builder,
        **({"embedding_dim": 5, "units": 6, "depth": 2} if is_recurrent else SMALL),
    )  # fmt: skip
    for variable in model.trainable_variables:  # far from uniform
        variable.assign(variable * 4)
    return decoders.of_network(model)


@pytest.fixture(scope="module", params=KINDS)
def served(request, tmp_path_factory):
    """The signatures as a server loads them, and how many tokens of a prompt are read."""
    folder = tmp_path_factory.mktemp("assets")
    tokenizer().save(folder / documents.VOCABULARY_FILE)
    spec = example_spec(size=SIZE)
    spec.task_metadata["end"] = WORDS.index(documents.LINE_END) + SPECIAL_IDS
    decoder = decoder_of(request.param)
    module, signatures = endpoints_of(decoder, spec, folder)
    tf.saved_model.save(module, str(folder / "model"), signatures)
    loaded = tf.saved_model.load(str(folder / "model"))
    # The SavedModel owns the tables.
    yield loaded, loaded.signatures, decoder.context


def state_of(signatures, rows: int = 1) -> dict[str, tf.Tensor]:
    """Zeros: nothing has been read."""
    specs = signatures["step"].structured_input_signature[1]
    return {
        name: tf.zeros((rows, *spec.shape[1:]), spec.dtype)
        for name, spec in specs.items() if name != "token"
    }  # fmt: skip


def generate(served, prompts, **parameters) -> dict:
    rows = len(prompts)
    values = {"max_tokens": 12, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 5}
    types = {"temperature": tf.float32, "top_p": tf.float32, "seed": tf.int64}
    values |= {name: value for name, value in parameters.items() if name != "stop"}
    columns = {
        name: tf.constant(np.broadcast_to(value, (rows,)), types.get(name, tf.int32))
        for name, value in values.items()
    }
    stop = tf.constant(parameters.get("stop", [[""]] * rows))
    outputs = served[1]["generate"](prompt=tf.constant(prompts), stop=stop, **columns)
    return {name: value.numpy() for name, value in outputs.items()}


def by_sampling(served, prompts, steps: int, **settings) -> tuple[list[bytes], np.ndarray]:
    """Texts and log-probabilities after `start` and as many calls of `sample`."""
    _, signatures, _ = served
    begun = signatures["start"](prompt=tf.constant(prompts))
    state = {name: begun[name] for name in ("token", *state_of(signatures))}
    rows = len(prompts)
    texts, nats, over = [b""] * rows, np.zeros(rows), np.zeros(rows, bool)
    columns = {
        name: tf.constant(np.broadcast_to(value, (rows,)), dtype)
        for (name, dtype), value in zip(
            {"temperature": tf.float32, "top_k": tf.int32, "top_p": tf.float32,
             "seed": tf.int64}.items(), settings.values(), strict=True,
        )
    }  # fmt: skip
    for position in range(steps):
        outputs = signatures["sample"](position=tf.fill((rows,), position), **state, **columns)
        state = {name: outputs[name] for name in state}
        pieces = outputs["text"].numpy()
        texts = [text + piece * (not o) for text, piece, o in zip(texts, pieces, over, strict=True)]
        nats += np.where(over, 0, outputs["log_probability"].numpy())
        over |= outputs["ended"].numpy()
    return texts, nats


@pytest.mark.parametrize("settings", [(1.0, 0, 1.0), (0.0, 0, 1.0), (1.3, 6, 0.9)])
def test_a_text_made_token_by_token_is_the_one_of_generate(served, settings):
    seeds = [3, 2**40, 0, 9]
    values = dict(zip(("temperature", "top_k", "top_p"), settings, strict=True), seed=seeds)
    whole = generate(served, PROMPTS, **values)
    texts, nats = by_sampling(served, PROMPTS, 12, **values)
    assert texts == whole["completion"].tolist()
    assert nats == pytest.approx(whole["log_probability"], abs=1e-4)
    assert whole["seed"].tolist() == seeds
    for row in (0, 3):  # and alone
        one = {**values, "seed": seeds[row]}
        alone = generate(served, PROMPTS[row : row + 1], **one)
        assert alone["completion"][0] == texts[row]


def test_steps_from_nothing_give_the_score_of_a_text(served):
    """Zeros are the state that has read nothing."""
    _, signatures, _ = served
    text = "the naïve sea (is), I'll the\nsea."
    expected = signatures["score"](text=tf.constant([text]))
    ids = GraphDocuments(tokenizer()).encode(tf.constant([text])).values.numpy()
    state, token, total = state_of(signatures), 0, 0.0
    for target in ids:
        outputs = signatures["step"](token=tf.constant([token]), **state)
        logits, token = outputs["logits"][0].numpy(), target
        state = {name: outputs[name] for name in state}
        assert logits.shape == (SIZE,) and np.isfinite(logits).all()
        total += float(tf.nn.log_softmax(logits)[target])
    assert len(ids) == expected["tokens"][0]
    assert total == pytest.approx(float(expected["log_likelihood"][0]), rel=1e-5)


def test_start_reads_all_but_the_last_token(served):
    _, signatures, context = served
    begun = signatures["start"](prompt=tf.constant(PROMPTS))
    known = {word: number for number, word in enumerate(WORDS, SPECIAL_IDS)}
    last = [0, known["is"], known["."], known["is"]]
    assert begun["token"].numpy().tolist() == last
    assert begun["prompt_tokens"].numpy().tolist() == [0, 3, 3, min(10, context)]
    assert begun["unknown_tokens"].numpy().tolist() == [0, 0, 1, 0]
    assert begun["truncated"].numpy().tolist() == [False] * 3 + [context < 10]
    nothing = state_of(signatures)
    first = signatures["step"](token=tf.constant([0]), **nothing)
    read = signatures["start"](prompt=tf.constant(["the"]))
    for name in nothing:
        assert read[name].numpy() == pytest.approx(first[name].numpy(), rel=1e-5, abs=1e-5)


def test_of_a_long_prompt_the_end_is_read(served):
    _, signatures, context = served
    end = "the sea " * 256
    prompts = ["is " * 30_000 + end, "is " + end, end]
    begun = signatures["start"](prompt=tf.constant(prompts))
    assert begun["truncated"].numpy().tolist() == [True, True, context < 512]
    assert begun["prompt_tokens"].numpy().tolist() == [context] * 3
    state = begun["state"].numpy()
    assert state[:1] == pytest.approx(state[2:], rel=1e-5, abs=1e-5)
    assert state[1:2] == pytest.approx(state[2:], rel=1e-5, abs=1e-5)


def test_a_fresh_seed_is_chosen_and_gives_the_same_text_again(served):
    first = generate(served, PROMPTS, seed=-1)
    assert len(set(first["seed"].tolist())) == 4
    assert (first["seed"] >= 0).all() and (first["seed"] < 2**53).all()
    again = generate(served, PROMPTS, seed=first["seed"])
    assert again["completion"].tolist() == first["completion"].tolist()


def test_a_text_ends_before_its_stop_string(served):
    whole = generate(served, PROMPTS, max_tokens=MAX_TOKENS // 8)["completion"]
    stops = [["sea", " I"], ["zzz", ""], ["(", ","], [" the", "e"]]
    cut = generate(served, PROMPTS, max_tokens=MAX_TOKENS // 8, stop=stops)["completion"]
    for text, row, shorter in zip(whole, stops, cut, strict=True):
        growing = GrowingText([stop for stop in row if stop])
        growing.add(text)
        assert shorter.decode() == growing.take(is_whole=True)


@pytest.mark.parametrize("granularity", ["word", "character"])
def test_what_tokens_add_is_the_text_that_they_are(granularity):
    graph = GraphDocuments(tokenizer(granularity))
    rng = np.random.default_rng(2)
    size = len(tokenizer(granularity).vocabulary)
    rows = [rng.integers(SPECIAL_IDS, SPECIAL_IDS + size, n) for n in range(1, 40, 4)]
    whole = graph.decode(tf.ragged.constant(rows, tf.int32, ragged_rank=1)).numpy()
    for row, text in zip(rows, whole, strict=True):
        before = tf.constant([0, *row[:-1]], tf.int32)
        pieces = graph.added(before, tf.constant(row, tf.int32)).numpy()
        assert b"".join(pieces) == text


def test_a_text_is_cut_alike_whole_and_while_it_grows():
    rng = random.Random(3)
    texts = ["".join(rng.choices("aäb", k=rng.randrange(12))) for _ in range(300)]
    stops = [["".join(rng.choices("aäb", k=rng.randrange(4))) for _ in range(3)] for _ in texts]
    cut, found = tf.function(cut_at_stops)(tf.constant(texts), tf.constant(stops))
    assert found.numpy().any() and not found.numpy().all()
    for text, row, expected, is_stopped in zip(
        texts, stops, cut.numpy(), found.numpy(), strict=True
    ):
        growing, shown = GrowingText([stop for stop in row if stop]), ""
        for byte in text.encode():
            if growing.is_stopped:
                break
            growing.add(bytes([byte]))
            shown += growing.take(is_whole=False)
            assert expected.decode().startswith(shown)  # nothing is taken back
        shown += growing.take(is_whole=True)
        assert (shown, growing.is_stopped) == (expected.decode(), bool(is_stopped))
