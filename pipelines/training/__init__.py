"""Training: batches, losses, callbacks, checkpoints and the identity of a run."""
