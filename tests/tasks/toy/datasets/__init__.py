"""The recipe of the toy task."""
