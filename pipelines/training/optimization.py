"""Optimizer, learning-rate schedule and callbacks of a fit, from the `fit` block of params.yaml."""

import os
from collections.abc import Mapping

import keras

import models
from pipelines.config import schema
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.training.adam import LayerwiseAdam
from pipelines.training.batches import ORDERED, STREAMS
from pipelines.training.monitor import Monitor

SHORT_STEPS = 20  # in one call, so that what Keras does between calls matters less


def enable_determinism(settings: schema.Fit) -> None:
    """Requests from TensorFlow, before its first operation, one set of weights for one seed."""
    # XLA's kernels are deterministic, and Keras refuses XLA where this is set.
    if settings.deterministic and not settings.jit_compile:
        os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")


def prepare_short_steps(experiment: schema.Experiment) -> None:
    """Requests from TensorFlow, before its first operation, what suits a model with short steps.

    One thread an operation: its operations run side by side, and to share one costs more than it
    gains. And an allocator that keeps memory: from the system's, the large tensors between forward
    and backward are new pages in every step, and a third of the time goes into them.
    """
    if models.has_short_steps(experiment.module, experiment.build["builder"]):
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")


def compile_model(
    model, objective, experiment: schema.Experiment, spec: DataSpec, settings: schema.Fit,
    steps: int, rates: Mapping[str, float] | None = None,
) -> None:  # fmt: skip
    """Compiles with Adam (AdamW where weights decay) and the task's loss and metrics.

    Args:
        steps: batches an epoch.
        rates: path of a weight -> factor on its learning rate, where it is not 1.

    Raises:
        UserError: XLA is asked for, and Keras would silently not use it.
    """
    tensorflow = keras.config.backend() == "tensorflow"
    short = models.has_short_steps(experiment.module, experiment.build["builder"])
    model.compile(
        LayerwiseAdam(
            rates or {},
            learning_rate(settings, steps * settings.epochs),
            # With a decay of 0, Keras would assign every weight to itself.
            weight_decay=settings.weight_decay or None,
            global_clipnorm=settings.clip_norm,
            use_ema=settings.ema_momentum is not None,
            ema_momentum=settings.ema_momentum or 0.99,
        ),
        loss=objective.loss(spec, **experiment.loss),
        metrics=objective.metrics(spec),
        # On other backends Keras decides: JAX without it would run operation by operation.
        jit_compile=settings.jit_compile if tensorflow else "auto",
        steps_per_execution=SHORT_STEPS if tensorflow and short else 1,
    )
    if tensorflow and settings.jit_compile and not model.jit_compile:
        raise UserError(
            "jit-compile-impossible",
            "Keras does not compile this model with XLA: one of its layers (augmentation, say) or "
            "TF_DETERMINISTIC_OPS in the environment forbids it; set it to false",
            key="fit.jit_compile", value=True,
        )  # fmt: skip
    # In the first step Keras would have to trace the graph of a step twice.
    model.optimizer.build(model.trainable_variables)


def learning_rate(settings: schema.Fit, steps: int):
    """A number, or a schedule over all steps of the fit."""
    warmup_steps = round(settings.warmup * steps)
    if settings.schedule == "constant" and not warmup_steps:
        return settings.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else settings.learning_rate,
        decay_steps=steps - warmup_steps,
        alpha=1.0 if settings.schedule == "constant" else 0.0,
        warmup_target=settings.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def callbacks(objective, settings: schema.Fit) -> list[keras.callbacks.Callback]:
    """Averaging first: what is validated, and restored when training stops, is the average."""
    monitor: Monitor = objective.MONITOR
    selected: list[keras.callbacks.Callback] = []
    if getattr(objective, "FEED", None) in (ORDERED, STREAMS):
        selected.append(ResetStates())
    if settings.ema_momentum is not None:
        selected.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if settings.patience is not None:
        selected.append(
            keras.callbacks.EarlyStopping(
                monitor.keras_name,
                mode=monitor.mode,
                patience=settings.patience,
                restore_best_weights=True,
            )
        )
    return selected


class ResetStates(keras.callbacks.Callback):
    """Carried states start from zero at the beginning of every epoch and of every validation."""

    def on_epoch_begin(self, epoch, logs=None):
        self._reset()

    def on_test_begin(self, logs=None):
        self._reset()

    def _reset(self) -> None:
        for layer in self.model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state()
