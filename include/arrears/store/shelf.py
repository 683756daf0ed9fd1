"""Tables put aside on disk one after another and read again by their number: memory does not grow with the rows."""

import io
import tempfile
import weakref
from collections.abc import Iterator

import pyarrow as pa


class Shelf:
    """Holds record batches in an unnamed temporary file; the file goes when the shelf does."""

    def __init__(self) -> None:
        """Start empty; the file is made with the first batch."""
        self._file: io.BufferedRandom | None = None
        self._places: list[tuple[int, int]] = []

    def __len__(self) -> int:
        """Return how many batches were put aside."""
        return len(self._places)

    def put(self, batch: pa.RecordBatch) -> None:
        """Put a batch aside under the next number; each keeps its own schema."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="arrears-")  # noqa: SIM115 - it is closed with the shelf
            weakref.finalize(self, self._file.close)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        stored = sink.getvalue()
        self._file.seek(0, io.SEEK_END)
        self._places.append((self._file.tell(), stored.size))
        self._file.write(stored)

    def take(self, number: int) -> pa.RecordBatch:
        """Return the batch of a number, as it was put aside."""
        assert self._file is not None  # noqa: S101 - there is no number without a batch
        start, size = self._places[number]
        self._file.seek(start)
        with pa.ipc.open_stream(self._file.read(size)) as reader:
            return reader.read_next_batch()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield all batches in their order."""
        return (self.take(number) for number in range(len(self)))
