"""A data set on disk: binvox, the ShapeNet index and split, views, batches."""
