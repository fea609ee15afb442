"""Serves SavedModels from a version tree, with TensorFlow Serving's contract.

    python -m serving            # or: make serve

The core knows nothing of HTTP: `tree` (what lies on disk), `servable` (one loaded version),
`validation` (a request against a signature), `batcher` (requests into batches), `manager` (which
versions are loaded), `metrics`. `rest`, `openinference` and `grpc_face` are thin faces on it.
"""
