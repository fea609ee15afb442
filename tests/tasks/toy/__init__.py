"""An extension package with a task of its own: proof that the contracts are wide enough."""
