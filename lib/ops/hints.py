"""Names for what the hints of ops say often."""

from typing import Any

from ..backend.door import Symbol

Shapes = list[tuple[Symbol, ...]]  # of an op's inputs or outputs; sizes are symbolic
Storage = list[list[Any]]  # a list of one array, or None, for each of an op's outputs
