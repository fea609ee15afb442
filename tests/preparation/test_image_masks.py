"""Images with masks: what is read, matched, refused, split, cut; no mask is interpolated."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipelines.preparation import labelled_masks, splits
from pipelines.preprocessing import image_decoding, image_sizes, mask_files
from pipelines.preprocessing.mask_files import IGNORED
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.images import jpeg
from tests.support.user_errors import user_error

OUT = Path("data/prepared/set")
VALUES = (0, 100, 255)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(source: str = "photos", **options) -> DataSpec:
    dataset = {"recipe": "image_masks", "source": source, "options": {"tile": 8, **options}}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def read(split: str, repeat: int = 0) -> dict:
    return arrays.read(OUT / f"repeat{repeat}/{split}")


def png(pixels: np.ndarray, mode: str = "L") -> bytes:
    image, stream = Image.fromarray(pixels.astype(np.uint8), mode), io.BytesIO()
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    image.save(stream, "PNG")
    return stream.getvalue()


def photos(count: int = 8, values=(0, 255), root: str = "photos", mode: str = "L") -> Path:
    """Images of several sizes with masks of random values."""
    rng = np.random.default_rng(0)
    folder = Path(root)
    for side in ("images", "masks"):
        (folder / side).mkdir(parents=True)
    for number in range(count):
        size = 8 + number, 11 + 2 * number
        image = rng.integers(0, 256, (*size, 3), np.uint8)
        (folder / f"images/{number}.png").write_bytes(image_decoding.png(image))
        mask = rng.choice(values, size)
        (folder / f"masks/{number}.png").write_bytes(png(mask, mode))
    return folder


@pytest.mark.parametrize(
    ("values", "mode", "options", "labels"),
    [
        ((0, 255), "L", {}, ("0", "255")),
        ((0, 255), "L", {"labels": {0: "out", 255: "in"}, "positive": "in"}, ("out", "in")),
        ((0, 1, 2), "P", {"labels": {0: "a", 1: "b", 2: "c"}}, ("a", "b", "c")),
        ((0, 1, 2), "L", {}, ("0", "1", "2")),
        ((0, 1, 255), "P", {"ignore": 255}, ("0", "1")),
    ],
)
def test_palettes_grey_values_and_ids_become_class_ids(values, mode, options, labels):
    folder = photos(values=values, mode=mode)
    spec = run(**options)
    assert (spec.labels, spec.outputs, spec.request_inputs) == (
        labels,
        len(labels),
        ("image_bytes",),
    )
    ids = {value: IGNORED if value == options.get("ignore") else number
           for number, value in enumerate(values)}  # fmt: skip
    test = read("test")
    for name, mask, image in zip(test["file"], test["mask"], test["image"], strict=True):
        stored = np.asarray(Image.open(folder / name.replace("images", "masks")))
        np.testing.assert_array_equal(mask, np.vectorize(ids.get)(stored))
        np.testing.assert_array_equal(image, np.asarray(Image.open(folder / name)))
    for split in ("train", "val"):
        assert read(split)["image"].shape[1:] == (8, 8, 3)
        assert read(split)["mask"].shape[1:] == (8, 8)


def test_tiles_cover_an_image_and_hold_nothing_else():
    image = np.arange(13 * 20).reshape(13, 20, 1).astype(np.uint8)
    tiles = list(labelled_masks.cut(image, image[..., 0], 8))
    assert len(tiles) == 2 * 3
    for pixels, mask in tiles:
        np.testing.assert_array_equal(pixels[..., 0], mask)
    assert set(np.concatenate([mask.ravel() for _, mask in tiles])) == set(image.ravel())


def test_an_image_smaller_than_a_tile_is_mirrored_and_its_mask_is_not():
    image = np.arange(15).reshape(3, 5, 1).astype(np.uint8)
    ((pixels, mask),) = labelled_masks.cut(image, image[..., 0], 8)
    np.testing.assert_array_equal(pixels[:3, :5], image)
    np.testing.assert_array_equal(pixels[3:6], pixels[2::-1])
    np.testing.assert_array_equal(mask[:3, :5], image[..., 0])
    assert (mask[3:] == IGNORED).all() and (mask[:, 5:] == IGNORED).all()


@pytest.mark.parametrize("size", [(3, 5), (16, 9), (40, 77)])
def test_a_resized_mask_has_no_value_of_its_own(size):
    mask = np.random.default_rng(0).choice(VALUES, (16, 9)).astype(np.uint8)
    resized = image_sizes.resize_nearest(mask, *size)
    assert resized.shape == size and set(np.unique(resized)) <= set(VALUES)
    doubled = image_sizes.resize_nearest(mask, 32, 18)
    np.testing.assert_array_equal(image_sizes.resize_nearest(doubled, 16, 9), mask)


def test_large_images_are_shrunk_and_the_test_split_keeps_its_masks():
    photos()
    run(max_side=10)
    test = read("test")
    for image, mask in zip(test["image"], test["mask"], strict=True):
        assert max(image.shape) == 10 and max(mask.shape) > 10
        assert set(np.unique(mask)) <= {0, 1}
    assert set(np.unique(read("train")["mask"])) <= {0, 1, IGNORED}


def test_masks_survive_being_written():
    mask = np.random.default_rng(0).integers(0, 256, (5, 7)).astype(np.uint8)
    np.testing.assert_array_equal(mask_files.decode(mask_files.encode(mask), "mask.png"), mask)
    assert mask_files.palette()[[0, 1, 2, 4, 15]].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [0, 0, 128], [192, 128, 128]
    ]  # fmt: skip


def test_an_archive_and_a_suffix(tmp_path):
    folder = photos()
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            name = path.relative_to(folder).as_posix()
            archive.write(path, name.replace(".png", "_mask.png") if "masks" in name else name)
    run("photos.zip", mask_suffix="_mask")
    assert len(read("test")["mask"]) == 1


def test_folds_are_blocks_of_neighbours_in_the_order_of_numbers():
    photos(12)
    spec = run(split={"method": "folds", "folds": 3, "val": 0.25})
    assert spec.repeats == 3
    assert list(read("test", 1)["file"]) == [f"images/{n}.png" for n in (4, 5, 6, 7)]
    for rows in splits.consecutive_folds(30, 5, 3):
        assert np.sort(np.concatenate(list(rows.values()))).tolist() == list(range(30))
        assert np.ptp(rows["test"]) == 5 and len(rows["val"]) == 3
        assert rows["val"][0] == (rows["test"][-1] + 1) % 30


def test_splits_that_are_given():
    for split in ("train", "test"):
        photos(4, root=f"photos/{split}")
    folders = {s: {"images": f"{s}/images", "masks": f"{s}/masks"} for s in ("train", "test")}
    with user_error("split-overlap"):
        run(folders=folders)
    for path in Path("photos/test/images").iterdir():
        pixels = np.asarray(Image.open(path))
        path.write_bytes(image_decoding.png(255 - pixels))
    run(folders=folders, split={"val": 0.25})
    assert [len(read(split)["mask"]) > 0 for split in prepare.SPLITS] == [True] * 3
    assert len(read("test")["mask"]) == 4


def without_mask(folder):
    (folder / "masks/3.png").unlink()


def without_image(folder):
    (folder / "images/3.png").unlink()


def other_size(folder):
    (folder / "masks/3.png").write_bytes(png(np.zeros((5, 5))))


def unknown_value(folder):
    size = np.asarray(Image.open(folder / "masks/3.png")).shape
    (folder / "masks/3.png").write_bytes(png(np.full(size, 7)))


def as_jpeg(folder):
    (folder / "masks/3.png").write_bytes(jpeg(11, 17))


def colours(folder):
    pixels = np.random.default_rng(0).integers(0, 2, (11, 17, 3))
    (folder / "masks/3.png").write_bytes(png(255 * pixels, "RGB"))


def deep(folder):
    stream = io.BytesIO()
    Image.fromarray(np.full((11, 17), 300, np.uint16)).save(stream, "PNG")
    (folder / "masks/3.png").write_bytes(stream.getvalue())


def cut_short(folder):
    (folder / "masks/3.png").write_bytes((folder / "masks/3.png").read_bytes()[:-30])


def twice(folder):
    (folder / "images/3.jpg").write_bytes(jpeg(11, 17))


@pytest.mark.parametrize(
    ("spoil", "code", "value"),
    [
        (without_mask, "mask-missing", "images/3.png"),
        (without_image, "image-missing", "masks/3.png"),
        (other_size, "size-mismatch", [17, 11, 5, 5]),
        (unknown_value, "label-unknown", 7),
        (as_jpeg, "mask-format", None),
        (colours, "mask-colours", None),
        (deep, "mask-depth", 16),
        (cut_short, "image-damaged", None),
        (twice, "name-repeated", "images/3.png"),
    ],
)
def test_a_mistake_is_refused_by_name(spoil, code, value):
    spoil(photos())
    with user_error(code, value=value):
        run(labels={0: "out", 255: "in"})


@pytest.mark.parametrize(
    ("values", "options", "code", "key"),
    [
        ((0, 1, 255), {}, "mask-value-unclear", "ignore"),
        ((0,), {}, "class-count", None),
        ((0, 255), {"labels": {0: "a", 255: "b"}, "ignore": 255}, "ignore-named", "ignore"),
        ((0, 255), {"labels": {0: "a", 255: "a"}}, "class-count", "labels"),
        ((0, 255), {"positive": "b"}, "positive-missing", "positive"),
        ((0, 255), {"labels": {0: "a", 9: "b", 255: "c"}}, "class-missing", "labels"),
        (
            (0, 255),
            {"folders": {"all": {"images": "pictures"}}},
            "folder-missing",
            "folders.all.images",
        ),
        ((0, 255), {"split": {"method": "folds", "folds": 9}}, "split-size", "split.folds"),
        ((0, 255), {"labels": {0: "a", 1: "b"}, "ignore": 255}, "class-missing", "labels"),
    ],
)
def test_options_that_do_not_fit_the_masks(values, options, code, key):
    photos(values=values)
    with user_error(code, key=key):
        run(**options)
