"""A tag, vowel or consonant, for each letter of a word; a second input swaps the tags."""
