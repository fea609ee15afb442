"""Sounds and recordings of sensors: what is read, refused, split and cut."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

import models
from pipelines.config.errors import UserError
from pipelines.datasets import watch_exercises
from pipelines.preparation.recording_splits import RecordingSplit, split
from pipelines.preprocessing import wav_files
from pipelines.preprocessing.signal_windows import Windows
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays

OUT = Path("data/prepared/set")
RATE = 400
SPEAKERS = ("ann", "bob", "cleo", "dan", "eve")
WAVS = {"group": "/([a-z]+)_", "window_seconds": 0.5, "split": {"val": 1, "test": 1}}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(recipe: str, source: str, **options) -> DataSpec:
    dataset = {"recipe": recipe, "source": source, "options": options}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def read(part: str, repeat: int = 0) -> dict:
    return arrays.read(OUT / f"repeat{repeat}/{part}")


def tone(steps: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, steps).astype(np.float32)


def sounds(folder: str = "sounds") -> None:
    """Two classes of five speakers, three files each, of .25 to 1 s."""
    number = 0
    for label in ("high", "low"):
        (Path(folder) / label).mkdir(parents=True, exist_ok=True)
        for speaker in SPEAKERS:
            for take, steps in enumerate((100, 200, 400)):
                number += 1
                file = wav_files.encode(tone(steps, number), RATE)
                (Path(folder) / label / f"{speaker}_{take}.wav").write_bytes(file)


def refused(recipe: str, source: str, **options) -> UserError:
    with pytest.raises(UserError) as error:
        run(recipe, source, **options)
    return error.value


def groups_of(part: str, repeat: int = 0) -> set[int]:
    return set(np.asarray(read(part, repeat)["group"]).tolist())


def test_no_speaker_is_in_two_splits_and_files_are_cut_afterwards():
    sounds()
    spec = run("wav_folder", "sounds", **WAVS)
    assert spec.inputs["signal"].shape == (200, 1) and spec.labels == ("high", "low")
    assert spec.request_inputs == ("wav_bytes",) and spec.task_metadata["groups"] == list(SPEAKERS)
    parts = {part: groups_of(part) for part in ("train", "val", "test")}
    assert sorted(map(len, parts.values())) == [1, 1, 3]
    assert set.union(*parts.values()) == set(range(5))
    test = read("test")
    assert spec.task_metadata["windows"] == [[1, 1, 3] * 2]
    for row, file in enumerate(test["wav_bytes"]):
        wav = wav_files.decode(file, "window")
        np.testing.assert_array_equal(Windows(RATE, 200, 100)(wav.samples)[0],
                                      test["signal"][row][:, 0])  # fmt: skip
    assert len(wav_files.decode(test["wav_bytes"][0], "short").samples) == 100


def test_speakers_by_a_table_and_classes_by_names():
    sounds()
    for label in ("high", "low"):
        for path in Path("sounds", label).iterdir():
            path.rename(f"sounds/{label}-{path.name}")
        Path("sounds", label).rmdir()
    rows = [f"{path.name},{path.name.split('-')[1].split('_')[0]}" for path in
            sorted(Path("sounds").iterdir())]  # fmt: skip
    Path("sounds/who.csv").write_text("file,speaker\n" + "\n".join(rows) + "\n")
    by_table = {**WAVS, "group": {"table": "who.csv"}, "label": "^([a-z]+)-"}
    spec = run("wav_folder", "sounds", **by_table)
    assert spec.labels == ("high", "low") and spec.task_metadata["groups"] == list(SPEAKERS)
    Path("sounds/who.csv").write_text("file,speaker\n" + "\n".join(rows[1:]) + "\n")
    assert refused("wav_folder", "sounds", **by_table).code == "group-missing"
    assert refused("wav_folder", "sounds", **{**by_table, "label": "^(x)-"}).key == "label"


def test_every_speaker_is_left_out_once():
    sounds()
    by = {"by": "leave_one_group_out", "val": 1}
    spec = run("wav_folder", "sounds", group="/([a-z]+)_", window_seconds=0.5, split=by)
    assert spec.repeats == 5
    assert [groups_of("test", n) for n in range(5)] == [{n} for n in range(5)]
    for number in range(5):
        parts = [groups_of(part, number) for part in ("train", "val", "test")]
        assert sum(map(len, parts)) == 5


def test_models_of_a_repeat_know_nothing_of_the_speaker_who_is_left_out():
    """Their centre and scale are of the repeat's own train rows."""
    sounds()
    options = {"group": "/([a-z]+)_", "window_seconds": 0.5}
    options["split"] = {"by": "leave_one_group_out", "val": 1}
    before = run("wav_folder", "sounds", **options)
    for seed, path in enumerate(Path("sounds").rglob("bob_*.wav"), start=100):
        path.write_bytes(wav_files.encode(0.5 + 0.5 * tone(300, seed), RATE))
    after = run("wav_folder", "sounds", **options)
    for number in range(after.repeats):
        old, new = (spec.of_repeat(number).task_metadata for spec in (before, after))
        assert (old["centre"] == new["centre"]) == (
            SPEAKERS.index("bob") not in groups_of("train", number)
        )
        model = models.build(after.of_repeat(number), "signal_networks", "signal_cnn")
        (layer,) = (one for one in model.layers if isinstance(one, keras.layers.Normalization))
        np.testing.assert_allclose(np.ravel(layer.mean), new["centre"], rtol=1e-6)


def test_groups_of_a_split_that_the_source_has_cannot_be_left_out_in_turn():
    sounds("all/train")
    sounds("all/test")
    options = {"group": "/([a-z]+)_", "window_seconds": 0.5}
    error = refused("wav_folder", "all", **options, split={"by": "leave_one_group_out", "val": 1})
    assert (error.code, error.key, error.value) == (
        "split-given",
        "split.by",
        "leave_one_group_out",
    )
    run("wav_folder", "all/train", **options, split={"by": "leave_one_group_out", "val": 1})


def test_a_protocol_with_the_speakers_of_train_in_test_must_be_asked_for():
    sounds()
    protocol = {"group": "/([a-z]+)_", "test": r"_0\.wav$", "window_seconds": 0.5}
    error = refused("wav_folder", "sounds", **protocol, split={"val": 1})
    assert (error.code, error.key) == ("split-overlap", "split.by")
    run("wav_folder", "sounds", **protocol, split={"by": "recordings", "val": 6})
    assert groups_of("test") == set(range(5))
    assert all("_0.wav" in place for place in read("test")["place"])


@pytest.mark.parametrize(
    ("code", "file"),
    [
        ("wav-kind", b"ID3"),
        ("wav-truncated", wav_files.encode(tone(50, 1), RATE)[:-8]),
        ("wav-empty", wav_files.encode(tone(0, 1), RATE)),
        ("wav-silent", wav_files.encode(np.zeros(50, np.float32), RATE)),
        ("wav-rate", wav_files.encode(tone(50, 1), 2 * RATE)),
        ("wav-not-finite", wav_files.encode(np.array([0.1, np.nan], np.float32), RATE)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_is_refused_by_name_or_skipped(code, file):
    sounds()
    Path("sounds/high/zoe_0.wav").write_bytes(file)
    error = refused("wav_folder", "sounds", **WAVS)
    assert error.code == code and Path(error.path).name == "zoe_0.wav"
    run("wav_folder", "sounds", bad_files="skip", **WAVS)


def test_other_sampling_rates_are_converted_where_asked():
    sounds()
    faster = np.sin(2 * np.pi * 20 * np.arange(800) / 800).astype(np.float32)  # 1 s at 800 Hz
    Path("sounds/high/zoe_0.wav").write_bytes(wav_files.encode(faster, 2 * RATE))
    spec = run("wav_folder", "sounds", rate_hz=RATE, resample=True, **WAVS)
    assert "zoe" in spec.task_metadata["groups"]
    rows = [(read(part), row) for part in ("train", "val", "test")
            for row, place in enumerate(read(part)["place"]) if "zoe" in place]  # fmt: skip
    signal = rows[0][0]["signal"][rows[0][1]][:, 0]
    expected = np.sin(2 * np.pi * 20 * np.arange(200) / RATE)
    np.testing.assert_allclose(signal[20:180], expected[20:180], atol=0.02)


def test_a_zip_is_read_and_equal_recordings_are_one():
    sounds()
    again = Path("sounds/high/ann_0.wav").read_bytes()
    Path("sounds/high/ann_copy.wav").write_bytes(again)
    with zipfile.ZipFile("sounds.zip", "w") as archive:
        for path in sorted(Path("sounds").rglob("*.wav")):
            archive.write(path)
    run("wav_folder", "sounds.zip", **WAVS)
    names = {place.rpartition(",")[0] for part in ("train", "val", "test")
             for place in read(part)["place"]}  # fmt: skip
    assert len(names) == 30
    Path("sounds/low/ann_copy.wav").write_bytes(again)
    assert refused("wav_folder", "sounds", **WAVS).code == "label-conflict"


HEADER = "recording,person,label,x,y"
CSV = {
    "values": {"x": "m/s2", "y": "m/s2"}, "subject": "person", "rate_hz": 10.0,
    "window_seconds": 1.0, "split": {"val": 1, "test": 1},
}  # fmt: skip


def walks(steps: int = 25) -> list[str]:
    """Two recordings of each of five people, one of each class."""
    rng = np.random.default_rng(1)
    return [
        f"{person}{label},{person},{label},{rng.normal():.3f},{rng.normal():.3f}"
        for person in SPEAKERS for label in ("run", "walk") for _ in range(steps)
    ]  # fmt: skip


def write(*lines: str) -> None:
    Path("walks.csv").write_text("\n".join((HEADER, *lines)) + "\n")


def test_recordings_of_a_table_are_split_by_person():
    write(*walks())
    spec = run("recordings_csv", "walks.csv", **CSV)
    assert spec.inputs["signal"].shape == (10, 2) and spec.labels == ("run", "walk")
    assert spec.task_metadata["windows"] == [[4, 4]]
    assert not groups_of("train") & groups_of("test")
    first = read("test")["place"][0].split(",")[1].strip()
    lines = [line.split(",")[3:] for line in walks() if line.startswith(f"{first},")]
    np.testing.assert_allclose(read("test")["signal"][1], np.array(lines[5:15], float), atol=1e-6)


def changed(number: int, line: str) -> list[str]:
    return [*walks()[:number], line, *walks()[number + 1 :]]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("value-invalid", changed(3, "annrun,ann,run,1.0,nan")),
        ("value-invalid", changed(3, "annrun,ann,run,1.0,")),
        ("cell-empty", changed(3, "annrun,ann,,1.0,2.0")),
        ("recording-mixed", changed(3, "annrun,ann,walk,1.0,2.0")),
        ("recording-mixed", changed(3, "annrun,bob,run,1.0,2.0")),
        ("recording-divided", [*walks(), *walks()[:3]]),
        ("recording-too-short", walks(9)),
        ("column-count", changed(3, "annrun,ann,run,1.0")),
    ],
)
def test_a_bad_table_is_refused_by_line(code, lines):
    write(*lines)
    error = refused("recordings_csv", "walks.csv", **CSV)
    assert error.code == code and error.line is not None


def test_exercises_of_a_watch_are_split_by_person(monkeypatch):
    rng = np.random.default_rng(1)
    recordings = [
        watch_exercises.watch_recordings.WatchRecording(person, side, exercise,
                                                        rng.normal(size=(300, 6)))
        for person in range(1, 6) for side in ("left", "right") for exercise in ("PEN", "ROW")
    ]  # fmt: skip
    monkeypatch.setattr(watch_exercises.watch_recordings, "read", lambda raw, every: recordings)
    options = watch_exercises.Options(split=RecordingSplit(val=1, test=2))
    spec = watch_exercises.prepare(options, Path("raw"), OUT, 1)
    assert spec.inputs["signal"].shape == (128, 6) and spec.labels == ("pendulum", "upright row")
    parts = [groups_of(part) for part in ("train", "val", "test")]
    assert list(map(len, parts)) == [2, 1, 2] and len(set.union(*parts)) == 5


def test_a_split_without_a_recording_is_refused():
    sounds()
    error = refused("wav_folder", "sounds", window_seconds=0.5, split={"val": 1, "test": 1})
    assert (error.code, error.key) == ("split-size", "split.test")


@pytest.mark.parametrize("by", ["groups", "leave_one_group_out"])
def test_too_few_groups_are_refused(by):
    options = RecordingSplit(by=by, val=1, test=1)
    with pytest.raises(UserError) as error:
        split(Path("x"), options, ["a", "a", "b", "b"], np.array([0, 1, 0, 1]), [""] * 4, 1)
    assert error.value.code == "split-size"
