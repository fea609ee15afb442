"""The code that MLflow loads a registered model with: an exported SavedModel behind `predict`.

MLflow copies this file beside the SavedModel ("models from code"), so nothing is pickled, and
nothing here may import the project.

    model = mlflow.pyfunc.load_model("models:/sms_gru@champion")
    model.predict(["free prize", "see you at six"])        # one row an item, one column an output
"""

import importlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Predictor:
    """Named inputs in, a DataFrame of named outputs out; an output with axes holds arrays."""

    def load_context(self, context):
        import tensorflow as tf  # takes seconds: only where the model is really loaded

        for library in (context.model_config or {}).get("requires", ()):
            importlib.import_module(library)  # whose operations are in the graph
        self._loaded = tf.saved_model.load(context.artifacts["saved_model"])
        self._call = self._loaded.signatures["serving_default"]
        self._inputs = self._call.structured_input_signature[1]
        self._constant = tf.constant

    def predict(self, context, model_input, params=None):
        columns = self._named(model_input)
        if set(columns) != set(self._inputs):
            raise ValueError(f"inputs are {sorted(columns)}, the model's {sorted(self._inputs)}")
        tensors = {name: self._tensor(name, values) for name, values in columns.items()}
        outputs = {name: _rows(value.numpy()) for name, value in self._call(**tensors).items()}
        return pd.DataFrame(outputs)

    def _named(self, data) -> Mapping:
        """A dict or a DataFrame has names; anything else is the values of the only input."""
        if isinstance(data, pd.DataFrame):
            columns = {str(name): data[name].tolist() for name in data.columns}
            single = len(columns) == len(self._inputs) == 1
            return dict(zip(self._inputs, columns.values(), strict=True)) if single else columns
        if isinstance(data, Mapping):
            return data
        if len(self._inputs) > 1:
            raise ValueError(f"give a dict or a DataFrame with the inputs {sorted(self._inputs)}")
        return dict.fromkeys(self._inputs, data)

    def _tensor(self, name: str, values):
        spec = self._inputs[name]
        if spec.dtype.name == "string":  # numpy's fixed-width texts are not TensorFlow's
            return self._constant([values] if isinstance(values, str) else list(values))
        return self._constant(np.asarray(values, spec.dtype.as_numpy_dtype))


def _rows(array: np.ndarray) -> list:
    if array.dtype == object:
        return _texts(array.tolist())
    return array.tolist() if array.ndim == 1 else list(array)


def _texts(value):
    return [_texts(item) for item in value] if isinstance(value, list) else value.decode("utf-8")


class SavedModel(Predictor, PythonModel):
    """Inherits `predict`: a `predict` of its own that has no type hints MLflow would warn about
    at every load, and none of those it knows says "a list, a column or named columns"."""


set_model(SavedModel())
