"""Where compiled code and indexes are kept between runs."""
import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for files that can be made again, such as compiled graphs.

    ``VOXLSTM_CACHE``, else ``XDG_CACHE_HOME/voxlstm``, else ``~/.cache/voxlstm``.
    """
    own = os.environ.get("VOXLSTM_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(shared).expanduser().absolute() / "voxlstm"
