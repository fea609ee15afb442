"""params.yaml and errors."""
