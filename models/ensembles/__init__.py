"""Ensembles of a trained network and a classical model.

A module of this folder has builders as those of models/classical/ have: they return an `Estimator`,
which has no epochs. The network is the start that the experiment's data set has: an entry under
`warm_starts` names the data set and the experiment whose network is taken, so that the graph trains
that one first. Unlike the classical models, these need Keras.
"""
