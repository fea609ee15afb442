"""Python's garbage collector in a process that holds large models.

A collection over TensorFlow's half million objects and a few models stops requests for 0.3 s. So
loaded objects are frozen, which hides them from the collector, except when a model is unloaded.
"""

import gc


def freeze() -> None:
    """Hides all present objects from the collector; to be called after a model was loaded."""
    gc.freeze()


def collect() -> None:
    """Frees an unloaded model, whose TensorFlow functions refer to each other in cycles."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
