"""Serves SavedModels from a model repository, with TensorFlow Serving's contract.

    python -m serving            # or: make serve

`servables` reads the model repository and loads a version; `batching` merges requests into batches;
`monitoring` has metrics and the access log; `core` decides which versions are loaded, validates
requests and predicts. None of these four knows HTTP or gRPC. `rest` and `grpc_api` are frontends
that translate the protocols, `page` is a web page for trying the models, and `server` runs all of
them in one process.
"""
