"""Arrays, models and folders on disk."""
