"""The networks and settings that keras.io shows for such data, on the data of the case.

Built from what the examples describe: "Simple MNIST convnet" (34,826 parameters, batches of 128),
"Text classification from scratch" (two strided convolutions over words) and "Bidirectional LSTM on
IMDB" (two layers); Adam with Keras's own rate, batches of 32 for text. Their data sets and lengths
differ from these, so they are only the networks that a newcomer would use.
"""

from benchmarks.peers import data, plain_keras
from benchmarks.peers.clock import Clock


def run(work: dict) -> dict:
    import keras

    case = work["case"]
    given = data.load(case)
    keras.utils.set_random_seed(work["seed"])
    clock = Clock(case, len(given.train[given.spec.target.name]))
    fit = case["experiment"]["fit"]
    model, loss = NETWORKS[case["experiment"]["build"]["builder"]](given.spec)
    model.compile("adam", loss=loss, metrics=["accuracy"])
    return plain_keras.fit(model, given, clock, fit["epochs"], fit["batch_size"])


def convnet(spec):
    import keras
    from keras import layers

    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, name=name)
    x = layers.Rescaling(1 / 255)(images)
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    probabilities = layers.Dense(spec.outputs, activation="softmax")(x)
    return keras.Model({name: images}, probabilities), "sparse_categorical_crossentropy"


def strided_convolutions(spec):
    import keras
    from keras import layers

    ((name, field),) = spec.inputs.items()
    ids = keras.Input(field.shape, dtype="int32", name=name)
    x = layers.Dropout(0.5)(layers.Embedding(field.size, 128)(ids))
    for _ in range(2):
        x = layers.Conv1D(128, 7, strides=3, padding="valid", activation="relu")(x)
    x = layers.Dense(128, activation="relu")(layers.GlobalMaxPooling1D()(x))
    probability = layers.Dense(1, activation="sigmoid")(layers.Dropout(0.5)(x))
    return keras.Model({name: ids}, probability), "binary_crossentropy"


def two_bidirectional_lstms(spec):
    import keras
    from keras import layers

    ((name, field),) = spec.inputs.items()
    ids = keras.Input(field.shape, dtype="int32", name=name)
    x = layers.Embedding(field.size, 128)(ids)
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(64))(x)
    return keras.Model({name: ids}, layers.Dense(1, activation="sigmoid")(x)), "binary_crossentropy"


# Keyed by the builder that each is compared with.
NETWORKS = {
    "small_cnn": convnet,
    "text_cnn": strided_convolutions,
    "bilstm_classifier": two_bidirectional_lstms,
}


if __name__ == "__main__":
    data.answer(run)
