"""One recipe a data set or file format: `prepare(options, raw, out, seed) -> DataSpec`."""
