"""Draws convolution and pooling on photographs: `.venv/bin/python benchmarks/convolution.py`.

The photographs come inside scikit-learn. Writes the figures of docs/convolution.md.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_sample_images

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.preprocessing import image_decoding  # noqa: E402
from pipelines.tasks.image_classification import fixed_operations  # noqa: E402


def main() -> None:
    images = load_sample_images()
    names = [Path(name).stem for name in images.filenames]
    grey = {
        name: image_decoding.grey(image)[..., 0].astype(float)
        for name, image in zip(names, images.images, strict=True)
    }
    temple = grey["china"][110:, 240:]
    docs = ROOT / "docs"
    details = {"china": grey["china"][40:200, 60:300], "flower": grey["flower"][140:300, 200:440]}
    fixed_operations.kernels(details, docs / "kernels.png")
    fixed_operations.poolings(temple, docs / "pooling.png")
    fixed_operations.sizes(temple, docs / "strides.png")
    for name, share in fixed_operations.shifts(temple, docs / "shift.png").items():
        print(f"{name}: {share:.2f}")


if __name__ == "__main__":
    main()
