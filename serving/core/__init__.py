"""Models, their versions, and predictions by them."""
