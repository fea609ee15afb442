"""The toy task."""
