"""Classical methods: linear models, hand-made features, calibration; no gradient descent."""
