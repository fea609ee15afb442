"""Short movies to classes: which motion, which gesture, which genre."""
