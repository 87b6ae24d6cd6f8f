"""Where batches come from: arrays, generators, datasets, loaders of other libraries."""
