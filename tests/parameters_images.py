"""Exact parameter counts of the networks for pictures: (builder, spec, hyperparameters, count).

LeNet-5 and ViT-B/16 are published numbers; ResNet-20 is counted by hand in He et al.'s layout with
batch normalisation's four numbers a channel.
"""

from pipelines.spec import DataSpec, Field


def spec(height: int, width: int, channels: int, classes: int) -> DataSpec:
    """A picture task of that size."""
    return DataSpec(
        inputs={"image": Field((height, width, channels), "uint8", "intensity, 0 to 255")},
        target="label", outputs=classes, raw="image_bytes",
        labels=tuple(str(number) for number in range(classes)),
    )  # fmt: skip


VIT_B16 = {"patch": 16, "width": 768, "depth": 12, "heads": 12}
CASES = [
    ("models.lenet.lenet5", spec(32, 32, 1, 10), {}, 61_706),
    ("models.lenet.lenet5", spec(8, 8, 1, 10), {"fit_input": "resize"}, 61_706),
    ("models.small_cnn.small_cnn", spec(8, 8, 1, 10), {}, 7_754),
    ("models.resnet.resnet", spec(32, 32, 3, 10), {"depth": 20}, 271_098),
    ("models.resnet.resnet", spec(32, 32, 3, 10), {"depth": 20, "shortcut": "projection"}, 274_042),
    ("models.vit.vit", spec(224, 224, 3, 1000), VIT_B16, 86_567_656),
    (
        "models.transfer.transfer",
        spec(32, 32, 3, 5),
        {"backbone": "MobileNetV2", "weights": "random"},
        2_257_984 + 5 * 1280 + 5,
    ),
]
