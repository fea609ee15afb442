"""Serves SavedModels from a version tree, with TensorFlow Serving's contract.

    python -m serving            # or: make serve

The core knows nothing of HTTP or gRPC: `tree` (what lies on disk), `servable` and `golden` (one
loaded version, proven), `signature` (what it takes and gives), `validation` (a request against it),
`batcher` (requests into batches), `model` and `manager` (which versions are loaded), `metrics`,
and `core`, which joins them. `rest` (with `v1`, `openinference`, `openapi`) and `grpc_face` are
thin faces on it; `server` runs both in one process.
"""
