"""A sentence for an image: what there is to see."""
