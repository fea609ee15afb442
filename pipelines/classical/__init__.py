"""Classical methods: linear models, hand-made features and calibration, fitted without gradients."""
