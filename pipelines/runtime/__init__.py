"""Processes: fork server, installation, hardware, errors of the operating system."""
