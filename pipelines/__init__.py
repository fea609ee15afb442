"""Stages that take data from preparation to a served model."""
