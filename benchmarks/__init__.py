"""What the project claims, measured."""
