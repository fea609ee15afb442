"""From outputs to decisions: decision rule, beam search."""
