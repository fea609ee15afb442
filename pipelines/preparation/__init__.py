"""Raw files become rows, labels and splits."""
