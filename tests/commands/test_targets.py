"""What was wanted beside what was reached: every limit counts, and only whole targets are shown."""

import pytest
import yaml
from pydantic import ValidationError

from pipelines.commands import targets
from pipelines.commands.targets import Target, result
from pipelines.config import loader, signatures

ROW = {"metric": "accuracy", "mean": 0.98, "params": 900, "seconds": 50.0, "fits": 3}
WANTED = {"name": "digits", "metric": "accuracy", "beside": "who else"}


def row(experiment="one", **changes) -> dict:
    return {"experiment": experiment, **ROW, **changes}


@pytest.mark.parametrize(
    ("wanted", "missed"),
    [
        ({"at_least": 0.98}, []),
        ({"at_least": 0.985}, ["by 0.005"]),
        ({"at_most": 0.98}, []),
        ({"at_most": 0.95}, ["by 0.03"]),
        ({"at_least": 0.9, "params_at_most": 900, "seconds_at_most": 50}, []),
        ({"at_least": 0.9, "params_at_most": 899}, ["1 parameters too many"]),
        ({"at_least": 0.9, "seconds_at_most": 45}, ["5 s too long"]),
    ],
)
def test_a_target_is_met_within_all_its_limits(wanted, missed):
    found = result(Target(**WANTED, experiments=["one"], **wanted), [row()])
    assert found["missed"] == missed
    ((_, _, reached, _),) = targets.table([found])[1:]
    assert reached.endswith("met" if not missed else f"missed: {missed[0]}")


def test_several_experiments_count_by_their_mean_and_their_dearest():
    rows = [row("one", mean=0.3), row("other", mean=0.5, params=2000, seconds=7.0, fits=5)]
    found = result(Target(**WANTED, experiments=["one", "other"], at_most=0.4), rows)
    assert (found["value"], found["params"], found["seconds"]) == (0.4, 2000, 50.0)
    assert found["fits"] == 3
    assert found["missed"] == []


def test_a_target_is_shown_once_all_its_experiments_have_been_run(tmp_path, monkeypatch):
    file = tmp_path / "targets.yaml"
    file.write_text(yaml.safe_dump([{**WANTED, "experiments": ["one", "other"], "at_least": 0.9}]))
    monkeypatch.setattr(targets, "FILE", file)
    assert targets.compare([row("one")]) == []
    assert targets.compare([row("one"), row("other", metric="mcc")]) == []
    (found,) = targets.compare([row("one"), row("other")])
    assert found["value"] == 0.98


def test_a_target_names_what_it_wants():
    with pytest.raises(ValidationError, match="at_lest"):
        Target(**WANTED, experiments=["one"], at_lest=0.9)
    with pytest.raises(ValidationError, match="at_least or at_most"):
        Target(**WANTED, experiments=["one"])


def test_the_targets_are_of_experiments_that_exist():
    params = loader.load(signatures.ROOT / "benchmarks/params.yaml")
    for values in yaml.safe_load((signatures.ROOT / targets.FILE).read_text("utf-8")):
        target = Target.model_validate(values)
        assert set(target.experiments) <= set(params.experiments), target.name
