"""What is refused, and the words it is refused with.

Every check raises `Refused` with one sentence that names the place (file, line, key), what was
found there and what to do. The front door prints that sentence and exits 2, without a traceback.
"""


class Refused(Exception):
    """A mistake in the user's files or parameters. The message is all a user sees."""
