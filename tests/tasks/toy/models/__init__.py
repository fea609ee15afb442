"""The model of the toy task."""
