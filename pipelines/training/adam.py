"""Adam with a learning rate for each layer, by TensorFlow's own operation where it is the backend.

Keras computes Adam with some twelve operations a weight, and a schedule of the learning rate once
more for every weight that decays. In a model of a hundred weights most of the first step, tens of
seconds, went into building that graph.
"""

from collections.abc import Mapping

import keras


class LayerwiseAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`, with a factor on the learning rate of some weights.

    The same equations, settings and variables as Keras's; on TensorFlow they are computed by its
    own operation, https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdam.
    Differs from Keras where a batch has a row of an embedding several times: the gradients of the
    row are added before they are squared, as Adam has it, not after.

    Args:
        rates: path of a weight -> factor.
        *arguments, **options: of Adam; without `amsgrad`.
    """

    def __init__(self, rates: Mapping[str, float], *arguments, **options):
        super().__init__(*arguments, **{"name": "adam", **options})
        self._rates, self._factors = rates, []

    def build(self, variables):
        super().build(variables)
        self._factors = [self._rates.get(variable.path, 1.0) for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        # A backend may pass its own variable here, which has no path.
        index = self._get_variable_index(variable)
        rate = learning_rate * self._factors[index]
        if keras.config.backend() != "tensorflow":
            return super().update_step(gradient, variable, rate)
        return _apply(
            variable, self._momentums[index], self._velocities[index], gradient, rate,
            self.iterations + 1, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip

    def _apply_weight_decay(self, variables):
        if self.weight_decay is None:
            return
        share = self.learning_rate * self.weight_decay  # once, not for each weight as Keras does
        for variable in variables:
            if self._use_weight_decay(variable):
                self.assign_sub(variable, variable * keras.ops.cast(share, variable.dtype))


def _apply(variable, momentum, velocity, gradient, rate, step, beta_1, beta_2, epsilon) -> None:
    """One update of a TensorFlow variable and of its moments; `step` counts from 1."""
    import tensorflow as tf  # only where it is Keras's backend

    # It ends the process if one of them has another type than the variable.
    beta_1, beta_2, epsilon, rate, step = (
        tf.cast(number, variable.dtype) for number in (beta_1, beta_2, epsilon, rate, step)
    )
    gradient = tf.convert_to_tensor(gradient)  # of an embedding it is that of single rows
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle, m=momentum.value.handle, v=velocity.value.handle,
        beta1_power=beta_1**step, beta2_power=beta_2**step, lr=rate, beta1=beta_1, beta2=beta_2,
        epsilon=epsilon, grad=tf.cast(gradient, variable.dtype),
    )  # fmt: skip
