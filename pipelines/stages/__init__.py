"""What DVC starts: one module a stage."""
