"""Names of the files of a run that several rooms write or read."""

# The row of history.csv whose weights the model has, and `monitor`; of a classical model the score
# that validation selected it by.
BEST_EPOCH = "best_epoch.json"
# What MLflow is filled from, beside the scores of an experiment or a trial: metrics, description.
TRACKED, SUMMARY = "tracked.json", "summary.md"
