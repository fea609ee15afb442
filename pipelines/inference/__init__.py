"""From a model's outputs to predictions: calibration, decision rule, beam search."""
