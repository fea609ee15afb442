"""Generated sequences: what they promise of their rows, and images read pixel by pixel."""

import gzip

import numpy as np
import pytest

from pipelines.config.errors import UserError
from pipelines.datasets import adding_problem, copy_memory, pixel_sequences
from pipelines.preparation import validation
from pipelines.preparation.sequence_arrays import Rows
from pipelines.storage import arrays

SPLITS = ("train", "val", "test")
ROWS = {"train": 300, "val": 40, "test": 60}


def prepared(recipe, options, out, raw=None, seed=1):
    spec = recipe.prepare(options, raw or out, out, seed)
    splits = {name: arrays.read(out / "repeat0" / name) for name in SPLITS}
    for name, columns in splits.items():
        validation.within_spec(out / name, columns, spec)
    return spec, splits


def keys(sequences) -> set[bytes]:
    return {np.asarray(row).tobytes() for row in sequences}


@pytest.mark.parametrize(("recipe", "options"), [
    (adding_problem, adding_problem.Options(steps=30, rows=Rows(**ROWS))),
    (copy_memory, copy_memory.Options(delay_steps=5, digits=3, rows=Rows(**ROWS))),
])  # fmt: skip
def test_no_row_is_in_two_splits_and_the_seed_decides(recipe, options, tmp_path):
    _, splits = prepared(recipe, options, tmp_path / "a")
    by_split = {name: keys(columns["sequence"]) for name, columns in splits.items()}
    assert {name: len(columns["sequence"]) for name, columns in splits.items()} == ROWS
    assert len(set.union(*by_split.values())) == sum(ROWS.values())
    _, again = prepared(recipe, options, tmp_path / "b")
    _, other = prepared(recipe, options, tmp_path / "c", seed=2)
    assert keys(again["train"]["sequence"]) == by_split["train"]
    assert keys(other["train"]["sequence"]) != by_split["train"]


class TestAddingProblem:
    def test_the_target_is_the_sum_of_the_two_marked_values(self):
        sequences, targets = adding_problem.draw(200, 31, np.random.default_rng(0))
        values, markers = sequences[..., 0], sequences[..., 1]
        assert (markers.sum(axis=1) == 2).all() and set(np.unique(markers)) == {0, 1}
        assert (markers[:, :15].sum(axis=1) == 1).all()  # one in each half
        np.testing.assert_allclose((values * markers).sum(axis=1), targets, rtol=1e-6)

    def test_markers_are_uniform_in_their_halves(self):
        rows, steps = 20_000, 20
        sequences, _ = adding_problem.draw(rows, steps, np.random.default_rng(0))
        counts = sequences[..., 1].sum(axis=0)
        expected = rows / (steps / 2)
        # Chi-squared with 2 * 9 degrees of freedom exceeds 42.3 once in a thousand times.
        assert (np.square(counts - expected) / expected).sum() < 42.3

    def test_answering_the_mean_has_an_error_of_a_sixth(self):
        _, targets = adding_problem.draw(50_000, 10, np.random.default_rng(0))
        assert targets.mean() == pytest.approx(1, abs=0.01)
        assert targets.var() == pytest.approx(1 / 6, rel=0.02)


class TestCopyMemory:
    def test_the_form_of_a_row(self):
        options = copy_memory.Options(delay_steps=4, digits=3, symbols=5)
        sequences, targets = copy_memory.draw(options, 50, np.random.default_rng(0))
        assert sequences.shape == targets.shape == (50, 4 + 2 * 3)
        symbols = sequences[:, :3]
        assert symbols.min() == 1 and symbols.max() == 5
        assert (sequences[:, 3:6] == 0).all() and (sequences[:, 6:] == 6).all()
        assert (targets[:, :-3] == 0).all()
        np.testing.assert_array_equal(targets[:, -3:], symbols)
        # From the last symbol's step to the first step of the repetition.
        assert targets.shape[1] - 3 - 2 == options.delay_steps + 1

    def test_symbols_are_uniform(self):
        options = copy_memory.Options(delay_steps=1)
        _, targets = copy_memory.draw(options, 8000, np.random.default_rng(0))
        shares = np.bincount(targets[:, -10:].ravel(), minlength=9)[1:] / 80_000
        np.testing.assert_allclose(shares, 1 / 8, atol=0.005)

    @pytest.mark.parametrize("changes", [
        {"digits": 2, "symbols": 3}, {"digits": 30},
    ])  # fmt: skip
    def test_more_rows_than_sequences_are_refused(self, changes, tmp_path):
        options = copy_memory.Options(delay_steps=1, rows=Rows(train=9), **changes)
        with pytest.raises(UserError) as refused:
            copy_memory.prepare(options, tmp_path, tmp_path / "out", 1)
        assert refused.value.code == "sequence-count"


class TestPixelSequences:
    @pytest.fixture
    def raw(self, tmp_path):
        """Forty images of 28 x 28, the pixels of each equal but for one."""
        pixels = np.repeat(np.arange(40)[:, None], 784, axis=1)
        pixels[np.arange(40), 5 * np.arange(40)] = 200
        table = np.column_stack([pixels, np.arange(40) % 10])
        path = tmp_path / "mnist_5k.csv.gz"
        text = "\n".join(",".join(map(str, row)) for row in table.tolist())
        path.write_bytes(gzip.compress(text.encode()))
        return path

    def options(self, **changes):
        return pixel_sequences.Options(split={"val": 10, "test": 10}, **changes)

    def test_pixels_are_read_row_by_row(self, raw, tmp_path):
        spec, splits = prepared(pixel_sequences, self.options(), tmp_path / "out", raw)
        assert spec.inputs["sequence"].shape == (784, 1) and len(spec.labels) == 10
        for columns in splits.values():
            row = np.round(255 * columns["sequence"][0, :, 0]).astype(int)
            level = row[-1]
            assert row[5 * level] == 200 and columns["label"][0] == level % 10

    def test_pooling_takes_the_mean_of_blocks(self, raw, tmp_path):
        _, splits = prepared(pixel_sequences, self.options(pool=2), tmp_path / "out", raw)
        sequence = splits["train"]["sequence"]
        assert sequence.shape == (20, 196, 1)
        images, _ = pixel_sequences.read_csv(raw)
        blocks = images[3].reshape(14, 2, 14, 2).mean(axis=(1, 3)).ravel() / 255
        distance = np.abs(sequence[..., 0] - blocks).max(axis=1)
        in_other_splits = 3 not in np.round(255 * sequence[:, -1, 0])
        assert in_other_splits or distance.min() < 1e-6

    def test_a_permutation_is_one_order_for_all_images(self, raw, tmp_path):
        plain, mixed = (
            prepared(pixel_sequences, self.options(permutation_seed=s), tmp_path / str(s), raw)[1]
            for s in (None, 7)
        )
        orders = [
            np.argsort(split["train"]["sequence"][..., 0], kind="stable")[:, -1]
            for split in (plain, mixed)
        ]
        # The brightest pixel goes from place to place by one map, which is not the identity.
        pairs = set(zip(*(order.tolist() for order in orders), strict=True))
        assert len(dict(pairs)) == len(pairs) and any(a != b for a, b in pairs)
        np.testing.assert_array_equal(
            np.sort(plain["test"]["sequence"], axis=1), np.sort(mixed["test"]["sequence"], axis=1)
        )

    def test_blocks_must_divide_the_image(self, raw, tmp_path):
        with pytest.raises(UserError) as refused:
            pixel_sequences.prepare(self.options(pool=3), raw, tmp_path / "out", 1)
        assert refused.value.code == "pool-invalid"

    @pytest.mark.parametrize("text", ["1,2,3", "a,b", ",".join(["256"] * 785)])
    def test_another_table_is_refused(self, text, tmp_path):
        path = tmp_path / "other.csv.gz"
        path.write_bytes(gzip.compress(text.encode()))
        with pytest.raises(UserError) as refused:
            pixel_sequences.read_csv(path)
        assert refused.value.code == "pixels-invalid"
