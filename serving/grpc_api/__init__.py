"""gRPC: TensorFlow Serving, and health."""
