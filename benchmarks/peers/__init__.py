"""The same training as others would write it, side by side: `make peers`.

`cases.yaml` says what is trained. Each program is one file with `run(work) -> dict` and is started
in a process of its own, PyTorch's in an environment of its own: `ours` is this project's train
code, `plain_keras` a bare `fit` of the same model, `pytorch` the same architecture and loop in
PyTorch, `keras_example` what keras.io shows for such data, `scikit` the classical method.
"""
