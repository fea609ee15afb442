"""A bare `fit` with Keras's defaults: on arrays; Keras decides whether to use XLA."""

import numpy as np

from benchmarks.peers import data
from benchmarks.peers.clock import Clock


def begun(work: dict) -> tuple:
    """(experiment, objective, data, clock, model): the same model and initial weights as ours."""
    import keras

    import models
    from pipelines.config import loader, schema

    case = work["case"]
    experiment = schema.Experiment.model_validate(case["experiment"])
    objective = loader.task_module(experiment.task, "objective")
    given = data.load(case)
    keras.utils.set_random_seed(work["seed"])
    clock = Clock(case, given.examples)
    model = models.build(given.spec, experiment.module, **experiment.build)
    return experiment, objective, given, clock, model


def run(work: dict) -> dict:
    import keras

    experiment, objective, given, clock, model = begun(work)
    model.compile(
        keras.optimizers.Adam(experiment.fit.learning_rate),
        loss=objective.loss(given.spec, **experiment.loss),
        metrics=objective.metrics(given.spec),
    )
    return fit(model, given, clock, experiment.fit.epochs, experiment.fit.batch_size)


def fit(model, given: data.Data, clock: Clock, epochs: int, batch_size: int) -> dict:
    """Fits a compiled model with Keras's defaults until `clock.enough`."""
    model.fit(
        given.inputs(given.train), given.train[given.spec.target.name],
        validation_data=(given.inputs(given.val), given.val[given.spec.target.name]),
        epochs=epochs, batch_size=batch_size, callbacks=[timed(clock)], verbose=0,
    )  # fmt: skip
    return clock.result(sum(int(np.prod(weight.shape)) for weight in model.trainable_weights))


def timed(clock: Clock):
    import keras

    class Timed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            clock.training()

        def on_test_begin(self, logs=None):
            clock.validating()

        def on_epoch_end(self, epoch, logs=None):
            clock.ended(logs.get("val_accuracy"))
            self.model.stop_training = clock.enough

    return Timed()


if __name__ == "__main__":
    data.answer(run)
