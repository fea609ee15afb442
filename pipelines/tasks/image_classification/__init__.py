"""Images to classes: handwritten digits, flowers, ants or bees."""
