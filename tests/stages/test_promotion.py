"""The alias `champion` moves to what is better on the same test rows, and to nothing else."""

import math
from types import SimpleNamespace

import pytest

from pipelines.config.errors import UserError
from pipelines.stages import export
from pipelines.stages.promotion import Baselines, should_promote
from pipelines.tasks.contract import TaskInfo

BASELINES = Baselines({"baseline_majority": 0.0}, {"baseline_best": 0.8})
NONE = Baselines()
HELD = {"score": 0.9, "test_digest": "same", "version": "3"}


def never(held):
    raise AssertionError("scored again, though the test rows are the same")


def decide(score, baselines=BASELINES, present=HELD, rescore=never, **more):
    return should_promote(score, baselines, present, "same", rescore, **more)


def test_the_first_must_be_as_good_as_every_baseline():
    assert decide(0.81, present=None)[0]
    promoted, reason = decide(0.79, present=None)
    assert not promoted
    assert "baseline_best" in reason
    promoted, reason = decide(
        0.5, Baselines({"baseline_majority": 0.6}, {"baseline_best": 0.1}), None
    )
    assert not promoted
    assert "baseline_majority" in reason


def test_the_strong_baseline_itself_may_be_champion_and_the_trivial_one_not():
    assert decide(0.8, present=None)[0]
    assert not decide(0.0, Baselines({"baseline_majority": 0.0}), None)[0]


def test_a_network_must_beat_the_classical_champion():
    classical = {**HELD, "score": 0.8}
    assert not decide(0.8, present=classical)[0]
    assert decide(0.8001, present=classical)[0]


def test_a_classical_model_takes_the_alias_from_a_worse_network():
    assert decide(0.8, present={**HELD, "score": 0.79})[0]


def test_candidates_that_validation_did_not_select_are_not_compared():
    info = TaskInfo("Texts", "mcc", trivial_baselines=("baseline_majority",))
    points = {
        "test/mcc": 0.5, "baseline_majority/mcc": 0.0, "baseline_best/mcc": 0.5,
        "baseline_nb_svm/mcc": 0.6, "baseline_best_unseen/mcc": 0.7, "baseline_best/accuracy": 1.0,
    }  # fmt: skip
    baselines = export.baseline_values(points, info)
    assert baselines == Baselines({"baseline_majority": 0.0}, {"baseline_best": 0.5})
    assert decide(points["test/mcc"], baselines, None)[0]


def test_baselines_come_before_the_champion():
    """A champion that is worse than the baselines does not make anything better good."""
    promoted, reason = decide(0.7, present={**HELD, "score": 0.1})
    assert not promoted
    assert "baseline_best" in reason


def test_better_than_the_champion_on_the_same_rows():
    assert decide(0.91) == (True, "0.9100 beats the champion's 0.9000")


@pytest.mark.parametrize("score", [0.9, 0.89])
def test_a_tie_leaves_the_champion_where_it_is(score):
    assert decide(score) == (False, f"{score:.4f} does not beat the champion's 0.9000")


def test_on_other_test_rows_the_champion_is_scored_again():
    """Its old 0.99 was on other rows, perhaps easier ones; only the new number counts."""
    asked = []

    def rescore(held):
        asked.append(held)
        return 0.85

    held = {"score": 0.99, "test_digest": "other", "version": "3"}
    promoted, reason = decide(0.86, present=held, rescore=rescore)
    assert promoted
    assert reason == "0.8600 beats the champion's 0.8500, scored again on the present test rows"
    assert asked == [held]
    promoted, reason = decide(0.85, present=held, rescore=rescore)
    assert not promoted
    assert reason.endswith("champion's 0.8500, scored again on the present test rows")
    held["score"] = 0.01  # and an old score that is low does not help the newcomer
    assert not decide(0.84, present=held, rescore=rescore)[0]


@pytest.mark.parametrize("test_digest", ["same", None])
def test_a_champion_without_a_score_is_scored(test_digest):
    """As after a person gave the alias to a version, or changed its tags."""
    held = {"score": None, "test_digest": test_digest, "version": "3"}
    assert decide(0.91, present=held, rescore=lambda held: 0.9)[0]
    assert not decide(0.89, present=held, rescore=lambda held: 0.9)[0]


def test_a_champion_that_cannot_be_scored_stays():
    held = {"score": None, "test_digest": None, "version": "3"}
    promoted, reason = decide(0.99, present=held, rescore=lambda held: None)
    assert not promoted and "version 3" in reason


@pytest.mark.parametrize("code", ["model-unverified", "model-missing", "model-changed"])
def test_only_a_model_that_may_be_loaded_is_scored(monkeypatch, code):
    def load(champion):
        raise UserError(code, "why")

    monkeypatch.setattr(export.tracking, "saved_model", load)
    stage = SimpleNamespace(task="text_classification")
    if code == "model-changed":
        with pytest.raises(UserError):
            export.rescore(HELD, stage, None, "test/mcc")
    else:
        assert export.rescore(HELD, stage, None, "test/mcc") is None


def test_a_loser_to_the_baselines_costs_no_scoring():
    assert not decide(0.1, present={**HELD, "test_digest": "other"})[0]


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("present", [None, HELD])
@pytest.mark.parametrize("baselines", [BASELINES, NONE])
def test_a_score_that_is_no_number_wins_nothing(baselines, present, higher):
    assert not decide(math.nan, baselines, present, higher=higher)[0]


@pytest.mark.parametrize("higher", [True, False])
def test_nothing_is_shown_by_beating_what_is_no_number(higher):
    assert not decide(0.9, Baselines(strong={"baseline_strong": math.nan}), None, higher=higher)[0]
    other = {**HELD, "test_digest": "other"}
    assert not decide(0.9, NONE, other, rescore=lambda held: math.nan, higher=higher)[0]


def test_where_lower_is_better_all_of_it_is_turned_round():
    errors = Baselines(strong={"baseline_seasonal": 2.0})
    held = {"score": 1.5, "test_digest": "same"}
    assert decide(1.9, errors, None, higher=False)[0]
    assert decide(2.0, errors, None, higher=False)[0]
    assert not decide(2.1, errors, None, higher=False)[0]
    assert decide(1.4, errors, held, higher=False)[0]
    assert not decide(1.5, errors, held, higher=False)[0]
    assert not decide(1.6, errors, held, higher=False)[0]
    other = {**held, "test_digest": "other"}
    assert decide(1.6, errors, other, rescore=lambda held: 1.7, higher=False)[0]


def test_without_baselines_the_first_is_champion():
    assert decide(0.1, NONE, None)[0]
