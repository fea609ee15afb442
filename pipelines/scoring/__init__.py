"""How results are measured and drawn."""
