"""What a file or folder holds: pure functions that look at it and give reasons."""
