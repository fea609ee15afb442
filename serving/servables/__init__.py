"""What is loaded: SavedModel, signature, warm-up, repository on disk."""
