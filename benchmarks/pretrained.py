"""Every backbone of keras.applications that the course names: docs/pretrained.md.

    python benchmarks/pretrained.py            parameters and layers, counted here
    python benchmarks/pretrained.py --time     also milliseconds per image, measured here

Counting needs no weights: variables are created in a scope that does not initialize them. Timing
uses random weights, which are as fast as trained ones, and one process for each backbone. The times
are stored in benchmarks/pretrained.json, so that the page can be written again without measuring.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pipelines.commands import results  # noqa: E402

PAGE = ROOT / "docs/pretrained.md"
TIMES = Path(__file__).with_suffix(".json")
SOURCE = "https://keras.io/api/applications/"
WARM_UP, RUNS = 2, 7
ANY_SIDE = 224  # for models that accept images of any size: the size they were trained on
# Megabytes of the file of weights, top-1 and top-5 accuracy in percent on ImageNet's validation
# set, from SOURCE, of MobileNetV3 from the docstring of Keras's module; None: not given.
PUBLISHED = {
    "Xception": (88, 79.0, 94.5),
    "VGG16": (528, 71.3, 90.1),
    "VGG19": (549, 71.3, 90.0),
    "ResNet50": (98, 74.9, 92.1),
    "ResNet101": (171, 76.4, 92.8),
    "ResNet152": (232, 76.6, 93.1),
    "ResNet50V2": (98, 76.0, 93.0),
    "ResNet101V2": (171, 77.2, 93.8),
    "ResNet152V2": (232, 78.0, 94.2),
    "InceptionV3": (92, 77.9, 93.7),
    "InceptionResNetV2": (215, 80.3, 95.3),
    "MobileNet": (16, 70.4, 89.5),
    "MobileNetV2": (14, 71.3, 90.1),
    "MobileNetV3Small": (None, 68.1, None),
    "MobileNetV3Large": (None, 75.6, None),
    "DenseNet121": (33, 75.0, 92.3),
    "DenseNet169": (57, 76.2, 93.2),
    "DenseNet201": (80, 77.3, 93.6),
    "NASNetMobile": (23, 74.4, 91.9),
    "NASNetLarge": (343, 82.5, 96.0),
    "EfficientNetB0": (29, 77.1, 93.3),
    "EfficientNetB1": (31, 79.1, 94.4),
    "EfficientNetB2": (36, 80.1, 94.9),
    "EfficientNetB3": (48, 81.6, 95.7),
    "EfficientNetB4": (75, 82.9, 96.4),
    "EfficientNetB5": (118, 83.6, 96.7),
    "EfficientNetB6": (166, 84.0, 96.8),
    "EfficientNetB7": (256, 84.3, 97.0),
    "EfficientNetV2B0": (29, 78.7, 94.3),
    "EfficientNetV2B1": (34, 79.8, 95.0),
    "EfficientNetV2B2": (42, 80.5, 95.1),
    "EfficientNetV2B3": (59, 82.0, 95.8),
    "EfficientNetV2S": (88, 83.9, 96.7),
    "EfficientNetV2M": (220, 85.3, 97.4),
    "EfficientNetV2L": (479, 85.7, 97.5),
    "ConvNeXtTiny": (109, 81.3, None),
    "ConvNeXtSmall": (192, 82.3, None),
    "ConvNeXtBase": (339, 85.3, None),
    "ConvNeXtLarge": (755, 86.3, None),
    "ConvNeXtXLarge": (1310, 86.7, None),
}
HEAD = """# Pretrained backbones

Written by `benchmarks/pretrained.py`: do not edit. Each name can be the `backbone` of the builder
`transfer` (models/transfer.py), each with the scaling of pixels that it was trained with.

- Parameters and layers are those of Keras {keras} with the 1,000-class head, counted here. "Layers"
  are all layers that Keras lists, "weighted" those that have a kernel (convolution, dense). Depth
  is defined as at present by [Keras]({source}): layers with parameters, so normalisations count.
- Side is the default input in pixels. MB, the size of the file of weights, and accuracy on
  ImageNet's validation set, in percent, are published, not measured here: [Keras]({source}), for
  MobileNetV3 its docstring; `-` means that no value is published there. The weights alone need 4
  bytes for each parameter.
- {timed}
- ResNeXt is not in Keras: keras.applications does not have it (Xie et al. 2017).

| backbone | side | MB | parameters | depth | layers | weighted | top-1 | top-5 | ms per image |
|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", action="store_true", help="measure milliseconds per image")
    parser.add_argument("--only", nargs="+", choices=PUBLISHED, help="measure these only")
    parser.add_argument("--one", choices=PUBLISHED, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(measure(options.one))
        return
    hardware = results.machine()
    description = f"{hardware['processor']} ({hardware['cores']} cores)"
    times = json.loads(TIMES.read_text("utf-8")) if TIMES.is_file() else {}
    for name in (options.only or PUBLISHED) if options.time else ():
        command = [sys.executable, __file__, "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times[name] = {"ms": round(float(done.stdout.split()[-1]), 1), "machine": description}
        print(f"{name}: {times[name]['ms']} ms", flush=True)
        TIMES.write_text(json.dumps(times, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(times), "utf-8")


def page(times: dict) -> str:
    machines = sorted({entry["machine"] for entry in times.values()})
    timed = "Milliseconds have not been measured yet: `--time`."
    if machines:
        timed = (
            f"Milliseconds: median of {RUNS} calls with one image, compiled by `tf.function`, "
            f"random weights, measured on {'; '.join(machines)}."
        )
    lines = [line(name, times.get(name)) for name in PUBLISHED]
    head = HEAD.format(keras=keras.__version__, source=SOURCE, timed=timed)
    return head + "".join(lines)


def line(name: str, timed: dict | None) -> str:
    side, parameters, *layers = count(name)
    megabytes, *accuracies = PUBLISHED[name]
    ms = timed["ms"] if timed else None
    size = "-" if megabytes is None else f"{megabytes:,}"
    cells = [name, side, size, f"{parameters:,}", *layers, *map(shown, (*accuracies, ms))]
    return f"| {' | '.join(map(str, cells))} |\n"


def shown(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f}"


def count(name: str) -> tuple[int, int, int, int, int]:
    """Input side, parameters, layers with parameters, layers, layers with a kernel."""
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(keras.applications, name)(weights=None)
        weighted = [
            layer for layer in model.layers
            if isinstance(layer, keras.layers.Dense) or "Conv" in type(layer).__name__
        ]  # fmt: skip
        side = model.input_shape[1] or ANY_SIDE
        depth = sum(1 for layer in model.layers if layer.weights)
        counts = (side, model.count_params(), depth, len(model.layers), len(weighted))
    keras.backend.clear_session()
    return counts


def measure(name: str) -> float:
    """Median milliseconds for one image."""
    import tensorflow as tf

    model = getattr(keras.applications, name)(weights=None)
    shape = [side or ANY_SIDE for side in model.input_shape[1:3]]
    image = tf.constant(np.zeros((1, *shape, 3), np.float32))
    answer = tf.function(lambda x: model(x, training=False))
    taken = []
    for _ in range(WARM_UP + RUNS):
        began = time.perf_counter()
        answer(image).numpy()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken[WARM_UP:])


if __name__ == "__main__":
    main()
