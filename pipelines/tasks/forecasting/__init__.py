"""Readings in time to their future: CO2 in the air, temperatures, loads, sales."""
