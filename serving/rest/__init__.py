"""REST: TensorFlow Serving v1 and the Open Inference Protocol v2."""
