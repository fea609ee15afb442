"""Requests that are answered together."""
