"""What is done alike in prepare and in the served graph."""
