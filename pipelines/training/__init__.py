"""How weights are fitted, and what makes a run what it is."""
