"""An answer to a question about an image, one of those that train has."""
