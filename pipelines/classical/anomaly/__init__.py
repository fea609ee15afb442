"""Detectors of anomalies that are fitted in closed form.

Each judges the last reading of a window by a deviation, whitened so that it is about 1 a column for
normal readings:

    contribution_c = (W d)_c^2 / C        score = sum over the columns c

`residuals.py` has W and the threshold, of networks' residuals as well; `methods.py` the deviations;
`matrix_profile.py` a detector of whole streams; `precision_recall.py` the area by which detectors
are compared.
"""
