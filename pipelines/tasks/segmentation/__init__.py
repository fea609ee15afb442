"""Segmentation: a class for each pixel of an image: land and sea, cell membranes, roads."""
