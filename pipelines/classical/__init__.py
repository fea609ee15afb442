"""Linear and other classical methods, fitted without gradients."""
