"""Parquet: exact types only; a floating-point column never carries money or ids."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from arrears.core.errors import BadInput
from arrears.ledger.catalogue import Feed
from arrears.ledger.mapping import Dialect
from arrears.ledger.source import BATCH_ROWS, Rows, Source, hash_file, match_header

FILE_BYTES = 64 << 30
READ_BYTES = 1 << 18
"""Of each column so much is read at once, however large the file's row groups are."""


def open_parquet(path: Path, feed: Feed, dialect: Dialect) -> Source:
    """Open a Parquet file.

    Raises:
        BadInput: not Parquet, a bad header, or a floating-point column where money or ids stand.
    """
    digest = hash_file(path, FILE_BYTES)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path.name}: not a Parquet file, or a truncated one") from None
    columns = match_header(schema.names, feed, dialect, path.name)
    for cell, column in columns.items():
        if pa.types.is_floating(schema.field(cell).type) and feed.field(column).kind != "degrees":
            raise BadInput(f"{path.name} row 1, column {column}: floats are refused, deliver exact decimals")
    unknown = tuple(cell for cell in schema.names if cell not in columns)

    def batches() -> Iterator[Rows]:
        seen = 1
        try:
            with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                    wanted = [batch.column(cell) for cell in columns]
                    cells = pa.RecordBatch.from_arrays(wanted, names=list(columns.values()))
                    yield Rows(np.arange(seen + 1, seen + 1 + batch.num_rows), cells)
                    seen += batch.num_rows
        except (pa.ArrowInvalid, OSError):
            raise BadInput(f"{path.name} after row {seen}: damaged Parquet data") from None

    return Source(feed, path.name, digest, columns, unknown, batches)
