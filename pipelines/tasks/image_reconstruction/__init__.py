"""Image reconstruction: an image becomes a code smaller than itself, and is made again from it."""
