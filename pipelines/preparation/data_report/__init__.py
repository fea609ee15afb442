"""What raw data hold that may hurt a model: pure functions from rows or arrays to findings."""
