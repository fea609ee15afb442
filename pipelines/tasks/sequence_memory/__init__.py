"""Sequence memory: a number, a class or symbols that depend on steps long past."""
