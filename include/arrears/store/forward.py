"""Read a file of a frozen ledger once, from front to back, for accounts that are asked for in its own order."""

from collections.abc import Collection, Iterator, Mapping
from sys import maxsize
from typing import TYPE_CHECKING, Any

from arrears.store import snapshot
from arrears.store.snapshot import Instalment, Payment

if TYPE_CHECKING:
    import pyarrow as pa

FILES: dict[type, str] = {Instalment: "instalments", Payment: "payments"}


class Forward:
    """Rows of one file of a snapshot, some accounts at a time: one pass serves all who ask in the order of accounts.

    Whoever asks for an account that has gone by gets it all the same, from a pass that begins again.
    """

    def __init__(
        self,
        url: str,
        snapshot_id: str,
        kind: type[Instalment | Payment],
        places: Mapping[str, int],
        rows: int = snapshot.BATCH_ROWS,
    ) -> None:
        """Start before the first row; ``places`` says where those who may be asked for stand among all accounts."""
        self._source, self._kind, self._places = (url, snapshot_id, FILES[kind], None, rows), kind, places
        self._begin()

    def _begin(self) -> None:
        url, snapshot_id, *_, rows = self._source
        self._batches: Iterator[Any] = snapshot.batches(*self._source)
        self._accounts: Iterator[Any] = snapshot.accounts(url, snapshot_id, ("subject_ref",), rows)
        self._names: Any = None
        self._before = 0
        self._held: Any = None
        self._first = self._last = -1

    def rows_of(self, refs: Collection[str]) -> dict[str, list[Any]]:
        """Return the rows of some accounts by ``subject_ref``, none for those that have none.

        Raises:
            CannotTell: the snapshot is not there.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        found: dict[str, list[Any]] = {ref: [] for ref in refs}
        wanted = pa.array(list(found), pa.string())
        places = [self._places[ref] for ref in found if ref in self._places]
        if not places:
            return found
        first, last = min(places), max(places)
        if first <= self._first:
            self._begin()
        while True:
            if self._held is not None:
                for row in self._held.filter(pc.is_in(self._held.column("subject_ref"), wanted)).to_pylist():
                    found[row.pop("subject_ref")].append(self._kind(**row))
            if self._last > last or not self._advance():
                return found

    def _advance(self) -> bool:
        """Take up the next rows; False at the end, where the whole file has gone by."""
        self._held = next(self._batches, None)
        if self._held is None:
            self._first = self._last = maxsize
            return False
        refs = self._held.column("subject_ref")
        self._first, self._last = (self._place(ref) for ref in (refs[0], refs[-1]))
        return True

    def _place(self, ref: "pa.StringScalar") -> int:
        """Return the place of an account, looking on from where the pass is: both files have one order."""
        import pyarrow.compute as pc

        while self._names is None or (place := pc.index(self._names, ref).as_py()) < 0:
            self._before += len(self._names or ())
            self._names = next(self._accounts).column(0)
        return int(self._before + place)
