"""Fault drills that take too long for the tests: `make drill`, into docs/reliability.md.

Each works on a copy of the committed tree in a temporary folder, so nothing in this tree changes.
The counts are written to docs/reliability.json after every attempt: a drill that is stopped resumes
at the next one.
"""
