"""Processes: fork server, hardware, faults of the machine."""
