"""Attacks on the server, with a client beside each that must not notice: `make attack`.

`models` writes the model repository, `target` starts the server under a limit of its memory,
`attacks` are run by processes of `attacker`, `client` is the one that sends 20 requests a second,
and `report` writes docs/security.json and the table of docs/security.md.
"""
