"""Fault drills that take too long for the tests: `make drill`, into docs/reliability.md.

Each works on a copy of the committed tree in a temporary folder, so nothing of this one is touched.
What was counted stands in docs/reliability.json after every try: a drill that is stopped goes on
where it was.
"""
