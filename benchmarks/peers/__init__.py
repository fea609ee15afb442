"""The same training in other frameworks, side by side: `make peers`.

`cases.yaml` defines what is trained. Each program is one file with `run(work) -> dict` and runs in
a separate process, PyTorch in a separate environment: `ours` is this project's training code,
`plain_keras` a bare `fit` of the same model, `pytorch` the same architecture and loop in PyTorch,
`keras_example` the network that keras.io shows for such data, `scikit` the classical method.
"""
