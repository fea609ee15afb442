"""Batches of like lengths: every row once, no position lost, the same order from the same seed."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import models
from pipelines.config import schema
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec, Field, Target
from pipelines.training import batches, optimization
from pipelines.training.length_buckets import LengthBuckets

ROWS = 103


def ragged(rows: int, width: int, seed: int) -> np.ndarray:
    """Ids with lengths from 1 to the width; the last id of a row is never 0, others may be."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 9, (rows, width)).astype(np.int32)
    for row, length in zip(ids, rng.integers(1, width + 1, rows), strict=True):
        row[length - 1] = 9
        row[length:] = 0
    return ids


def part(rows: int = ROWS, seed: int = 1) -> dict:
    """Two columns of ids, one of numbers, and row numbers as targets."""
    return {
        "words": ragged(rows, 20, seed),
        "characters": ragged(rows, 50, seed + 1),
        "weight": np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32),
        "row": np.arange(rows, dtype=np.int32),
    }


SPEC = DataSpec(
    inputs={
        "words": Field.token_ids(20, 10),
        "characters": Field.token_ids(50, 10),
        "weight": Field((3,), "float32", "kg"),
    },
    target=Target((), "int64", "row", name="row"), outputs=2, request_inputs=("text",),
)  # fmt: skip


def settings(**changes) -> schema.Fit:
    values = {"epochs": 1, "batch_size": 16, "learning_rate": 0.01, "patience": None}
    return schema.Fit(**{**values, "length_buckets": 4, **changes})


def fed(train: dict, val: dict | None = None, seed: int = 1, **changes):
    result = batches.feed(train, val or part(40, 7), SPEC, settings(**changes), seed)
    return result["x"], result["validation_data"]


def test_lengths_by_hand():
    ids = np.array([[3, 0, 4, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 2]])
    assert batches.lengths(ids).tolist() == [3, 0, 5, 5]


def test_a_buckets_by_hand():
    """Nine rows of lengths 1 to 9: quarters end at 3, 5, 7 and 9; then there is all room."""
    ids = np.tril(np.ones((9, 10), np.int32))
    buckets = LengthBuckets.fit({"words": ids}, 4)
    assert buckets.boundaries.tolist() == [[3], [5], [7], [9], [10]]
    boundaries = buckets.boundaries[buckets.bucket({"words": ids})]
    assert boundaries[:, 0].tolist() == [3, 3, 3, 5, 5, 7, 7, 9, 9]
    longer = np.ones((1, 10), np.int32)
    assert buckets.boundaries[buckets.bucket({"words": longer})].tolist() == [[10]]


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, ROWS])
@pytest.mark.parametrize("count", [1, 3, 50])
def test_no_row_is_dropped_or_seen_twice(rows, count):
    train, val = fed(part(rows), part(rows), length_buckets=count)
    for result in (train, val):
        for _ in range(3):
            sizes = [len(result[number][1]) for number in range(len(result))]
            assert sum(sizes) == rows
            assert sum(size < 16 for size in sizes) <= 1
            seen = np.concatenate([result[number][1] for number in range(len(result))])
            assert sorted(seen.tolist()) == list(range(rows))
            result.on_epoch_end()


def test_only_padding_is_cut_and_rows_stay_together():
    columns = part()
    train, _ = fed(columns)
    for number in range(len(train)):
        inputs, rows = train[number]
        for name, ids in inputs.items():
            whole = columns[name][rows]
            if name == "weight":
                np.testing.assert_array_equal(ids, whole)
            else:
                np.testing.assert_array_equal(ids, whole[:, : ids.shape[1]])
                assert not whole[:, ids.shape[1] :].any()


def test_few_shapes_and_less_padding():
    columns = part(1000)
    train, val = fed(columns, part(300, 5))
    shapes = {
        tuple(result[n][0][name].shape[1] for name in ("words", "characters"))
        for result in (train, val)
        for n in range(len(result))
    }
    assert 2 <= len(shapes) <= 5
    positions = sum(train[n][0]["words"].size for n in range(len(train)))
    assert positions < 0.9 * columns["words"].size


def test_one_column_of_ids_is_cut_to_about_its_length():
    columns = {**part(1000), "characters": np.ones((1000, 50), np.int32)}
    train, _ = fed(columns, length_buckets=8)
    positions = sum(train[n][0]["words"].size for n in range(len(train)))
    assert positions < 1.2 * batches.lengths(columns["words"]).sum()


def epochs(seed: int, count: int) -> list[list[list[int]]]:
    train, _ = fed(part(), seed=seed)
    result = []
    for _ in range(count):
        result.append([train[n][1].tolist() for n in range(len(train))])
        train.on_epoch_end()
    return result


def test_order_comes_from_the_seed_and_differs_by_epoch():
    assert epochs(1, 3) == epochs(1, 3)
    assert epochs(1, 1) != epochs(2, 1)
    first, second, third = epochs(1, 3)
    assert first != second != third
    # Not only the order of batches: rows meet in other company.
    assert {frozenset(rows) for rows in first} != {frozenset(rows) for rows in second}


def test_validation_has_one_order():
    _, val = fed(part())
    before = [val[n][1].tolist() for n in range(len(val))]
    val.on_epoch_end()
    assert [val[n][1].tolist() for n in range(len(val))] == before


@pytest.mark.parametrize("rows", [40, ROWS, 500])
def test_the_first_two_batches_tell_keras_which_axes_vary(rows):
    """Otherwise it takes an axis for fixed and refuses the first batch of another length."""
    for result in fed(part(rows), part(rows, 3)):
        for name in ("words", "characters"):
            widths = [result[n][0][name].shape[1] for n in range(len(result))]
            assert widths[0] != widths[1] or len(set(widths)) == 1


def test_sequence_targets_are_cut_with_the_input_they_stand_beside():
    given = ragged(60, 20, 3)
    expected = np.where(np.arange(20) < batches.lengths(given)[:, None], given + 1, 0)
    source = ragged(60, 50, 4)
    buckets = LengthBuckets.fit({"source": source, "given": given}, 3)
    result = batches.Batches({"source": source, "given": given}, expected, buckets, 8, seed=1)
    widths = set()
    for number in range(len(result)):
        inputs, targets = result[number]
        assert targets.shape == inputs["given"].shape
        widths.add(targets.shape[1])
    assert sum(result[n][1].sum() for n in range(len(result))) == expected.sum()
    assert len(widths) > 1


def test_targets_that_are_no_sequence_are_left_whole():
    columns = part(60)
    buckets = LengthBuckets.fit({"words": columns["words"]}, 3)
    several = ragged(60, 20, 9)  # as wide as the words, but of lengths of its own
    result = batches.Batches({"words": columns["words"]}, several, buckets, 8)
    assert {result[n][1].shape[1] for n in range(len(result))} == {20}


def test_without_buckets_rows_stay_as_long_as_they_are():
    train = part()
    result, check = fed(train, length_buckets=None)
    rows = result[0][1]
    for name in SPEC.inputs:
        np.testing.assert_array_equal(result[0][0][name], train[name][rows])
    assert (
        np.sort(np.concatenate([result[n][1] for n in range(len(result))])) == train["row"]
    ).all()
    seen = [check[n][1].tolist() for n in range(len(check))]
    assert sorted(seen) == [[*range(16)], [*range(16, 32)], [*range(32, 40)]]


@pytest.mark.parametrize("buckets", [None, 4])
def test_after_some_epochs_the_order_is_the_one_of_who_never_stopped(buckets):
    through, _ = fed(part(), length_buckets=buckets)
    orders = []
    for _ in range(4):
        orders.append([rows.tolist() for rows in through.rows])
        through.on_epoch_end()
    for epoch, order in enumerate(orders):
        again = batches.feed(
            part(), part(40), SPEC, settings(length_buckets=buckets), 1, epoch=epoch
        )  # fmt: skip
        assert [rows.tolist() for rows in again["x"].rows] == order
    assert all(order != orders[0] for order in orders[1:])


def test_data_without_ids_are_refused():
    spec = DataSpec({"weight": SPEC.inputs["weight"]}, SPEC.target, 2, ("weight",))
    with pytest.raises(UserError) as error:
        batches.feed(part(), part(), spec, settings(), 1)
    assert error.value.code == "length-buckets-impossible"
    assert (error.value.key, error.value.value) == ("fit.length_buckets", 4)


def objective_of(how: str, **hooks) -> SimpleNamespace:
    return SimpleNamespace(FEED=how, **hooks)


@pytest.mark.parametrize("rows", [96, 103])
def test_ordered_streams_continue_from_batch_to_batch(rows):
    """16 parallel streams: what follows a row is at its place in the next batch."""
    fit = settings(length_buckets=None)
    fed = batches.feed(part(rows), part(40), SPEC, fit, 1, objective=objective_of("ordered"))["x"]
    targets = [fed[index][1] for index in range(len(fed))]
    assert len(fed) == -(-rows // 16)
    assert sorted(np.concatenate(targets)) == list(range(rows))
    for now, following in zip(targets, targets[1:], strict=False):
        np.testing.assert_array_equal(now[: len(following)] + 1, following)
    inputs, first = fed[0]
    np.testing.assert_array_equal(inputs["weight"], part(rows)["weight"][first])
    fed.on_epoch_end()
    np.testing.assert_array_equal(fed[0][1], first)


def test_a_reconstructed_row_is_its_own_target():
    spec = DataSpec({"weight": SPEC.inputs["weight"]}, SPEC.target, 2, ("weight",))
    fit = settings(length_buckets=None)
    fed = batches.feed(part(), part(), spec, fit, 1, objective=objective_of("reconstructed"))
    for name in ("x", "validation_data"):
        inputs, targets = fed[name][0]
        np.testing.assert_array_equal(inputs["weight"], targets)


def test_sampled_batches_are_drawn_by_the_objective():
    """Another draw in every batch and epoch, the same for a seed; for val always the same."""

    def sample_batch(columns, spec, rows, rng):
        drawn = rng.integers(0, len(columns["row"]), (rows, 2))
        pairs = {name: columns["weight"][drawn[:, side]] for side, name in enumerate("ab")}
        return pairs, drawn[:, 0]

    def feed(epoch=0):
        objective = objective_of("sampled", sample_batch=sample_batch)
        fit = settings(length_buckets=None)
        return batches.feed(part(), part(40), SPEC, fit, 1, epoch, objective)

    fed = feed()
    x, val = fed["x"], fed["validation_data"]
    assert (len(x), len(val)) == (7, 3)
    inputs, first = x[0]
    assert inputs["a"].shape == inputs["b"].shape == (16, 3)
    assert (first != x[1][1]).any()
    np.testing.assert_array_equal(first, feed()["x"][0][1])
    checked = val[0][1]
    for dataset in (x, val):
        dataset.on_epoch_end()
    assert (first != x[0][1]).any()
    np.testing.assert_array_equal(x[0][1], feed(epoch=1)["x"][0][1])
    np.testing.assert_array_equal(checked, val[0][1])


@pytest.mark.parametrize(
    ("how", "buckets", "code"),
    [("orderd", None, "feed-unknown"), ("ordered", 4, "length-buckets-impossible")],
)
def test_feeds_that_cannot_be_are_refused(how, buckets, code):
    fit = settings(length_buckets=buckets)
    with pytest.raises(UserError) as error:
        batches.feed(part(), part(), SPEC, fit, 1, objective=objective_of(how))
    assert error.value.code == code


def test_carried_states_start_from_zero_in_every_epoch_and_validation():
    model = keras.Sequential(
        [keras.Input((2, 1), batch_size=4), keras.layers.GRU(3, stateful=True)]
    )
    callback = optimization.ResetStates()
    callback.set_model(model)
    for moment in (callback.on_epoch_begin, lambda epoch: callback.on_test_begin()):
        model(np.ones((4, 2, 1), np.float32))
        state = model.layers[-1].states[0]
        assert np.abs(keras.ops.convert_to_numpy(state)).max() > 0
        moment(0)
        assert np.abs(keras.ops.convert_to_numpy(state)).max() == 0


@pytest.mark.parametrize(
    ("module", "build"),
    [
        ("text_cnn", {"builder": "text_cnn", "embedding_dim": 4, "filters": 3,
                      "kernel_sizes": [2]}),
        pytest.param(
            "recurrent", {"builder": "bilstm_classifier", "embedding_dim": 4, "units": 2},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "transformer_classifier",
            {"builder": "transformer_classifier", "hidden_dim": 4, "num_heads": 2, "mlp_dim": 4},
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_fit_has_the_losses_it_would_have_without(module, build):
    """With a rate of 0 nothing is learned, and a loss is the mean over each row, once."""
    spec = DataSpec(
        {"words": SPEC.inputs["words"]}, Target.class_id("label", 2), 2, ("text",), ("a", "b")
    )
    train, val = ({**part(rows), "label": part(rows)["row"] % 2} for rows in (50, 37))
    keras.utils.set_random_seed(1)
    model = models.build(spec, module, **build, dropout=0.0, word_dropout=0.0)
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    result = batches.feed(train, val, spec, settings(), 1)
    history = model.fit(**result, epochs=2, verbose=0).history
    for columns, prefix in ((train, ""), (val, "val_")):
        plain = model.evaluate({"words": columns["words"]}, columns["label"], verbose=0)
        np.testing.assert_allclose(history[f"{prefix}loss"], [plain[0]] * 2, rtol=1e-5)
        np.testing.assert_allclose(history[f"{prefix}accuracy"], [plain[1]] * 2, rtol=1e-5)
