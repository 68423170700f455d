"""The report of an import as JSON Lines, and the file that it goes to."""

from typing import IO

import msgspec

from app.importing.schemas import Line
from app.server.words import give_up


def as_line(line: Line) -> str:
    """A line of a report as JSON."""
    # Documents are as the source wrote them, over many lines: the report has one for each.
    content = None if line.content is None else msgspec.Raw(msgspec.json.format(line.content.encode(), indent=-1))
    return msgspec.json.encode({**msgspec.structs.asdict(line), "content": content}).decode()


class ReportFile:
    """Where a report is written, if anywhere. When that fails, the import is done all the same: it is said after its table."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file
        self._error: OSError | None = None

    def add(self, line: Line) -> None:
        """Write a line."""
        if self._error is None:
            try:
                print(as_line(line), file=self._file)
            except OSError as error:
                self._error = error

    def end(self) -> None:
        """Write what is left. Ends the process with a sentence if not all of it could be written."""
        if self._file is None:
            return
        try:
            # Click closes it in the end, and says nothing of errors.
            self._file.flush()
        except OSError as error:
            self._error = error
        if self._error is not None:
            give_up(
                f"The report cannot be written to {self._file.name}: {self._error.strerror}. That of an import that is done is "
                "shown by `holdfast imports`, too, with its id."
            )
