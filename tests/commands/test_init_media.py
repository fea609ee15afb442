"""`init` on folders of sounds, of movies, and of images with masks: what it writes prepares."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import models
from pipelines.commands import init
from pipelines.config import loader, search_path
from pipelines.config.errors import UserError
from pipelines.preprocessing import gif_files, wav_files
from pipelines.spec import DataSpec
from pipelines.stages import prepare

PARAMS = Path("params.yaml")
RATE = 2000


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> dict:
    """The blocks that init writes; its data sets are prepared as `dvc repro` would."""
    init.run([*arguments, "--yes"])
    values = yaml.safe_load(PARAMS.read_text("utf-8"))
    for key in values["datasets"]:
        prepare.run(PARAMS, key)
    return values


def refused(*arguments: str) -> UserError:
    with pytest.raises(UserError) as error:
        init.run([*arguments, "--yes"])
    assert not PARAMS.exists()
    return error.value


def options(values: dict, key: str) -> dict:
    return values["datasets"][key]["options"]


def spec(key: str) -> DataSpec:
    return DataSpec.load(Path("data/prepared") / key / "spec.json")


def zipped(root: str) -> str:
    return shutil.make_archive(root, "zip", ".", root)


def sounds(root: str = "sounds", rates=(RATE,), count: int = 10) -> str:
    rng = np.random.default_rng(0)
    for label, hertz in (("high", 400), ("low", 90)):
        (Path(root) / label).mkdir(parents=True)
        for number in range(count):
            rate = rates[number % len(rates)]
            time = np.arange(rate // 2 + 7 * number) / rate
            tone = 0.5 * np.sin(2 * np.pi * hertz * time) + 0.01 * rng.normal(size=len(time))
            data = wav_files.encode(tone.astype(np.float32), rate)
            (Path(root) / label / f"{number}.wav").write_bytes(data)
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_sounds(packed):
    path = sounds()
    values = run(zipped(path) if packed else path)
    written = options(values, "sounds")
    assert (written["rate_hz"], written["window_seconds"]) == (RATE, 0.6)
    assert spec("sounds").labels == ("high", "low")
    assert spec("sounds").inputs["signal"].shape == (1200, 1)
    modules = [block["module"] for block in values["experiments"].values()]
    assert modules[0] == "classical/signal_classifiers" and "spectrogram_networks" in modules


def test_sampling_rates_that_differ_are_asked():
    path = sounds(rates=(RATE, 2 * RATE, RATE))
    assert refused(path).code == "ambiguous-rate"
    written = options(run(path, "--rate", str(2 * RATE)), "sounds")
    assert (written["rate_hz"], written["resample"]) == (2 * RATE, True)


def test_files_without_a_sound_are_asked():
    path = sounds()
    Path(path, "low", "silent.wav").write_bytes(wav_files.encode(np.zeros(900, np.float32), RATE))
    Path(path, "low", "cut.wav").write_bytes(Path(path, "low", "1.wav").read_bytes()[:60])
    Path(path, "low", "notes.txt").write_text("tones")
    assert refused(path).code == "ambiguous-bad-files"
    assert options(run(path, "--bad-files", "skip"), "sounds")["bad_files"] == "skip"


def movies(root: str, as_frames: bool, count: int = 8) -> str:
    rng = np.random.default_rng(0)
    for label in ("fall", "rise"):
        for number in range(count):
            frames = rng.integers(0, 255, (5, 12, 16, 3), np.uint8)
            folder = Path(root, label, *([f"take{number}"] if as_frames else []))
            folder.mkdir(parents=True, exist_ok=True)
            if as_frames:
                for place, frame in enumerate(frames):
                    Image.fromarray(frame).save(folder / f"{place}.png")
            else:
                (folder / f"{number}.gif").write_bytes(gif_files.encode(frames))
    return root


def test_animated_files_are_movies():
    values = run(movies("clips", as_frames=False))
    written = options(values, "clips")
    assert (written["frames"], written["size"]) == (5, [12, 16])
    assert spec("clips").labels == ("fall", "rise")
    modules = [block["module"] for block in values["experiments"].values()]
    assert modules == ["classical/linear_motion", "video_networks", "video_networks"]


def test_numbered_images_in_inner_folders_are_asked():
    path = movies("clips", as_frames=True)
    assert refused(path).code == "ambiguous-task"
    assert options(run(path, "--task", "video_classification"), "clips")["frames"] == 5


def test_numbered_images_may_be_rows_of_their_own():
    values = run(movies("clips", as_frames=True), "--task", "image_classification")
    assert values["datasets"]["clips"]["recipe"] == "image_folder"


def test_a_still_image_among_movies_is_asked():
    path = movies("clips", as_frames=False)
    Image.new("RGB", (16, 12)).save(Path(path, "fall", "still.gif"))
    assert refused(path).code == "ambiguous-bad-files"
    assert options(run(path, "--bad-files", "skip"), "clips")["bad_files"] == "skip"


def masks(images: str, masks: str, suffix: str = "", values=(0, 255), count: int = 8) -> None:
    rng = np.random.default_rng(len(images))  # another one for each split
    for folder in (images, masks):
        Path(folder).mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 255, (40, 52 + number, 3), np.uint8)
        Image.fromarray(pixels).save(Path(images, f"{number}.jpg"))
        mask = np.full(pixels.shape[:2], values[0], np.uint8)
        for place, value in enumerate(values[1:]):
            mask[10 * place + 5 : 10 * place + 15, 8:30] = value
        Image.fromarray(mask).save(Path(masks, f"{number}{suffix}.png"))


@pytest.mark.parametrize(
    ("folders", "suffix"),
    [(("images", "masks"), ""), (("photos", "outline_mask"), "_mask"), (("x", "labels"), "-gt")],
)
def test_images_with_masks(folders, suffix):
    masks(*(f"shop/{folder}" for folder in folders), suffix)
    values = run("shop")
    written = options(values, "shop")
    assert written["folders"] == {"all": dict(zip(("images", "masks"), folders, strict=True))}
    assert written.get("mask_suffix", "") == suffix and written["tile"] == 32
    assert spec("shop").labels == ("0", "255")
    modules = [block["module"] for block in values["experiments"].values()]
    assert modules[0] == "classical/pixel_forest" and "unet" in modules


@pytest.mark.parametrize("form", ["{split}/{side}", "{side}/{split}"])
def test_splits_of_images_with_masks(form):
    for split in ("train", "test"):
        masks(*(f"shop/{form.format(split=split, side=side)}" for side in ("img", "masks")))
    with zipfile.ZipFile("shop.zip", "w") as archive:
        for path in sorted(Path("shop").rglob("*.*")):
            archive.write(path, path.relative_to("shop"))
    written = options(run("shop.zip"), "shop")
    assert set(written["folders"]) == {"train", "test"} and set(written["split"]) == {"val"}


@pytest.mark.parametrize(("answer", "classes"), [("255", 2), ("none", 3)])
def test_pixels_of_255_beside_others_are_asked(answer, classes):
    masks("shop/images", "shop/masks", values=(0, 1, 255))
    assert refused("shop").code == "ambiguous-ignore"
    run("shop", "--ignore", answer)
    assert len(spec("shop").labels) == classes


def test_class_folders_are_no_masks():
    rng = np.random.default_rng(0)
    for label in ("cat", "gt"):  # the word of one folder alone does not make masks
        Path("pets", label).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 255, (20, 20, 3), np.uint8)
            Image.fromarray(pixels).save(Path("pets", label, f"{label}{number}.png"))
    assert run("pets")["datasets"]["pets"]["recipe"] == "image_folder"


@pytest.mark.slow
def test_every_written_experiment_builds():
    masks("shop/images", "shop/masks")
    for path in (sounds(), movies("clips", as_frames=False), "shop"):
        run(path)
    for experiment in loader.load(PARAMS).experiments.values():
        build = dict(experiment.build)
        model = models.build(
            spec(experiment.dataset), experiment.module, build.pop("builder"), **build
        )
        assert search_path.is_classical(experiment.module) or model.count_params() > 0
