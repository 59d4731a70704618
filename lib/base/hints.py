"""Names for what type hints say often."""

import os

StrPath = str | os.PathLike[str]
