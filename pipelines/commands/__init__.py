"""What a person starts besides stages."""
