"""Scores of segmentation, computed by hand; classes that are absent, pixels without a class."""

import numpy as np
import pytest

from pipelines.preparation import labelled_masks
from pipelines.preprocessing.mask_files import IGNORED
from pipelines.storage.arrays import Images
from pipelines.tasks.segmentation import regions
from pipelines.tasks.segmentation.metrics import Outputs, confusion, label_names, score, weights

THREE = labelled_masks.data_spec(("sea", "land", "lake"), 8, 3)
CELLS = labelled_masks.data_spec(("cell", "membrane"), 8, 1, positive="membrane")


def masks(*rows) -> Images:
    return Images.of([np.array(row, np.uint8) for row in rows])


def scores(truth, predicted, spec=THREE, resamples=0) -> dict[str, np.ndarray]:
    test = {"mask": masks(*truth)}
    rows = weights(len(truth), resamples, seed=1, spec=spec)
    return score(Outputs(masks(*predicted)), test, spec, rows)


def test_pixels_are_pooled_over_images_and_absent_classes_are_left_out():
    """Of sea 3 of 5 pixels in either mask, of land 3 of 5; there is no lake."""
    values = scores([[[0, 0, 1, 1]], [[0, 0, 1, 1]]], [[[0, 0, 1, 0]], [[0, 1, 1, 1]]])
    assert values["iou_sea"][0] == pytest.approx(3 / 5)
    assert values["iou_land"][0] == pytest.approx(3 / 5)
    assert np.isnan(values["iou_lake"][0]) and np.isnan(values["dice_lake"][0])
    assert values["mean_iou"][0] == pytest.approx(3 / 5)
    assert values["dice_sea"][0] == pytest.approx(2 * 3 / (2 * 3 + 2))
    assert values["pixel_accuracy"][0] == pytest.approx(6 / 8)
    # By images: (2/3 + 1/2) / 2 each.
    assert values["mean_iou_per_image"][0] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_class_that_is_only_predicted_scores_zero():
    values = scores([[[0, 0, 1, 1]]], [[[0, 2, 1, 1]]])
    assert values["iou_lake"][0] == 0
    assert values["mean_iou"][0] == pytest.approx((1 / 2 + 1 + 0) / 3)


def test_pixels_without_a_class_count_nowhere():
    truth, predicted = [[[0, IGNORED, 1, IGNORED]]], [[[0, 1, 1, 2]]]
    values = scores(truth, predicted)
    assert values["mean_iou"][0] == 1 and values["pixel_accuracy"][0] == 1
    assert confusion(*(np.array(m[0], np.uint8) for m in (truth, predicted)), 3).sum() == 2


@pytest.mark.parametrize("value", [0, 1])
def test_images_of_one_class_have_scores(value):
    """Without foreground, and with nothing else."""
    truth = np.full((1, 6, 6), value)
    for predicted in (0, 1):
        values = scores(truth, np.full((1, 6, 6), predicted), CELLS, resamples=20)
        assert np.isfinite(values["mean_iou"]).all()
        assert values["mean_iou"][0] == (value == predicted)
    everything = scores(np.full((1, 4, 4), IGNORED), np.zeros((1, 4, 4)))
    assert np.isnan(everything["mean_iou"][0])


def test_resamples_are_scores_of_the_images_drawn():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, (2, 6, 5, 7))
    drawn = weights(6, 3, seed=1)
    all_of_them = score(Outputs(masks(*predicted)), {"mask": masks(*truth)}, THREE, drawn)
    rows = np.repeat(np.arange(6), drawn[2])
    alone = scores(truth[rows], predicted[rows])
    for name, values in alone.items():
        assert all_of_them[name][2] == pytest.approx(values[0]), name


def test_a_prediction_at_the_size_of_the_model_is_brought_to_the_mask_s():
    truth = np.kron(np.array([[0, 1], [1, 0]]), np.ones((5, 5)))
    assert scores([truth], [[[0, 1], [1, 0]]])["mean_iou"][0] == 1


def test_boundaries_match_within_two_pixels():
    def bar(column):
        mask = np.zeros((9, 20), np.uint8)
        mask[:, column:] = 1
        return mask

    for shift, share in ((0, 1.0), (2, 1.0), (3, 0.5), (4, 0.0)):
        found, found_near, actual, actual_near = regions.boundary_matches(bar(8), bar(8 + shift), 1)
        assert found == actual == 9 and found_near == actual_near == (9 if shift <= 2 else 0), share
    assert (regions.boundary_matches(bar(0), bar(0), 1) == 0).all()  # the image's border is none


def test_boundaries_next_to_ignored_pixels_do_not_count():
    truth = np.zeros((6, 6), np.uint8)
    truth[:, 3:] = 1
    truth[:, 2] = IGNORED
    assert regions.boundary_matches(truth, truth, 1)[2] == 0


def test_v_rand_by_hand():
    """Four cells of equal size; a gap in one membrane merges two: p 1/4 each, s 1/2, 1/4, 1/4."""
    truth = np.zeros((9, 9), np.uint8)
    truth[4], truth[:, 4] = 1, 1
    assert regions.v_rand(regions.v_rand_sums(truth, truth, 1)) == pytest.approx(1)
    gap = truth.copy()
    gap[4, 2] = 0
    expected = 2 * (4 / 16) / ((1 / 4 + 2 / 16) + 4 / 16)
    assert regions.v_rand(regions.v_rand_sums(truth, gap, 1)) == pytest.approx(expected, abs=0.01)
    for value in (0, 1):  # one segment: s is 1
        one = np.full_like(truth, value)
        assert regions.v_rand(regions.v_rand_sums(truth, one, 1)) == pytest.approx(2 / 4 / 1.25)


def test_v_rand_does_not_mind_the_width_of_a_membrane():
    truth = np.zeros((21, 21), np.uint8)
    truth[10], truth[:, 10] = 1, 1
    wide = truth.copy()
    wide[8:13], wide[:, 8:13] = 1, 1
    assert scores([truth], [wide], CELLS)["v_rand"][0] == pytest.approx(1)
    assert "v_rand" not in scores([truth], [wide])


def test_names_of_metrics():
    assert label_names(["sea ice", "sea-ice", "\u6d77", "land"]) == [
        "sea_ice_0", "sea_ice_1", "2", "land"
    ]  # fmt: skip


def test_outputs_survive_being_written(tmp_path):
    outputs = Outputs(masks([[0, 1]], [[2], [1]]))
    outputs.save(tmp_path / "predictions")
    loaded = Outputs.load(tmp_path / "predictions").masks
    assert [mask.tolist() for mask in loaded] == [[[0, 1]], [[2], [1]]]
