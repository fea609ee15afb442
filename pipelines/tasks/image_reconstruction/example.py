"""A tiny data set of the task: that of image classification, whose images are the targets."""

from pipelines.tasks.image_classification.example import example_batch, example_spec

__all__ = ["example_batch", "example_spec"]
