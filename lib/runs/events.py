"""TensorBoard's events, written at once and not by a thread, so that what fails fails here."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import need
from ..base.files import named
from ..base.hints import StrPath


class Events:
    """A new file of events in a folder.

    Parameters
    ----------
    folder : path-like
    iteration : int
        Readers drop what an interrupted run wrote after this iteration.
    """

    def __init__(self, folder: StrPath, iteration: int = 0) -> None:
        self._folder = Path(folder)
        self._summary: Any = need("tensorboardX.summary", "report")
        self._kinds: Any = need("tensorboardX.proto.event_pb2", "report")
        writer: Any = need("tensorboardX.event_file_writer", "report").EventsWriter
        self._folder.mkdir(parents=True, exist_ok=True)
        # The suffix keeps two files of one second apart.
        self._file = self._named(writer, str(self._folder / "events"), f".{iteration:09d}")
        if iteration:
            begun = self._kinds.SessionLog(status=self._kinds.SessionLog.START)
            self._add(iteration + 1, session_log=begun)

    def number(self, name: str, value: float, iteration: int) -> None:
        """Add a value of a curve."""
        self._add(iteration, summary=self._summary.scalar(name, value))

    def picture(self, name: str, pixels: np.ndarray, iteration: int) -> None:
        """Add a picture of the shape (height, width, 3)."""
        self._add(iteration, summary=self._summary.image(name, pixels, dataformats="HWC"))

    def flush(self) -> None:
        """Bring every event to the disk."""
        self._named(self._file.flush)

    def close(self) -> None:
        """Close the file."""
        self._named(self._file.close)

    def _add(self, iteration, **content):
        event = self._kinds.Event(step=iteration, wall_time=time.time(), **content)
        self._named(self._file.write_event, event)

    def _named(self, write: Callable[..., Any], *arguments: Any) -> Any:
        with named(self._folder):
            return write(*arguments)
