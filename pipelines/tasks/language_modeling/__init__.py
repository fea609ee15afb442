"""Language modelling: the probability of a text, token by token, and texts drawn from it."""
