"""One folder a task: what is fitted, scored and served."""
