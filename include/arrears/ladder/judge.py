"""Decide once for each distinct set of facts, whatever the number of accounts behind it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from arrears.core.keys import canonical, digest, sha256
from arrears.ladder.decide import decide
from arrears.ladder.facts import Facts
from arrears.ladder.gather import Own, facts_of
from arrears.ladder.policy import Policy
from arrears.ladder.readings import BITS, Reading, unpack
from arrears.ladder.staging import Int64
from arrears.ladder.today import Today
from arrears.store.bulk import insert_new
from arrears.store.tables.decisions import fact_set, verdict

COLUMNS = ("entitled_rung", "unlocked_rung", "rung", "lane", "facts_sha256", "verdict_sha256",
           "policy_sha256")  # fmt: skip


class Judge:
    """Calls decide() once per distinct facts of a day and remembers the verdicts by number, not their texts."""

    def __init__(self, todays: Sequence[Today]) -> None:
        """Start without a verdict; ``todays`` is the day under each policy of the rulebook, and may grow."""
        self._todays = todays
        self._places: dict[tuple[int, Facts], int] = {}
        self._values: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self._quiet: list[bool] = []
        self._marks: list[bytes] = []
        self._facts: dict[str, str] = {}
        self._verdicts: dict[str, str] = {}

    @property
    def distinct(self) -> int:
        """Return how many sets of facts were decided."""
        return len(self._places)

    def judge(self, packed: Int64, known: Int64, own: list[Own]) -> Int64:
        """Return the number of each account's verdict: ``packed`` is its reading, ``known`` a place in ``own``."""
        keys, place = np.unique((known << BITS) | packed, return_inverse=True)
        mask = (1 << BITS) - 1
        numbers = [self._of(unpack(key & mask), own[key >> BITS]) for key in keys.tolist()]
        found: Int64 = np.array(numbers, dtype=np.int64)[place]
        return found

    def _of(self, reading: Reading, own: Own) -> int:
        today = self._todays[own.rules]
        facts = facts_of(reading, own, today)
        known = self._places.get((own.rules, facts))
        if known is None:
            known = self._places[own.rules, facts] = len(self._quiet)
            self._decide(facts, today.policy)
        return known

    def _decide(self, facts: Facts, policy: Policy) -> None:
        decided = decide(facts, policy)
        body, result = canonical(facts.body()), canonical(decided.body())
        facts_sha256, verdict_sha256 = sha256(body), sha256(result)
        self._facts[facts_sha256], self._verdicts[verdict_sha256] = body.decode(), result.decode()
        values = (decided.entitled_rung, decided.unlocked_rung, decided.rung, decided.lane, facts_sha256,
                  verdict_sha256, policy.sha256)  # fmt: skip
        for name, value in zip(COLUMNS, values, strict=True):
            self._values[name].append(value)
        self._marks.append(bytes.fromhex(digest(list(values))))
        self._quiet.append(not facts.stage and not decided.actions and not decided.suppressed)

    def columns(self, verdicts: Int64) -> dict[str, pa.Array]:
        """Return what the verdicts of some accounts say, a column each."""
        places = pa.array(verdicts)
        kinds = {"entitled_rung": pa.int16(), "unlocked_rung": pa.int16(), "rung": pa.int16()}
        return {name: _words(values, kinds.get(name), places) for name, values in self._values.items()}

    def marks(self, verdicts: Int64) -> pa.Array:
        """Return a hash over all that each verdict says."""
        return pa.array(self._marks, pa.binary(32)).take(pa.array(verdicts))

    def rungs(self, verdicts: Int64) -> list[int]:
        """Return how many of the verdicts stand on each rung."""
        rungs = np.array(self._values["rung"], dtype=np.int64)[verdicts]
        counts: list[int] = np.bincount(rungs, minlength=1).tolist()
        return counts

    def quiet(self, verdicts: Int64) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Say which accounts have nothing overdue and nothing to be done."""
        return np.array(self._quiet, dtype=bool)[verdicts]

    def store(self, connection: Connection) -> None:
        """Write the texts of the facts and verdicts that are new since the last call."""
        insert_new(connection, fact_set, ({"facts_sha256": k, "body": v} for k, v in self._facts.items()))
        insert_new(connection, verdict, ({"verdict_sha256": k, "body": v} for k, v in self._verdicts.items()))
        self._facts.clear()
        self._verdicts.clear()


def _words(values: list[Any], kind: pa.DataType | None, places: pa.Array) -> pa.Array:
    if kind is not None:
        return pa.array(values, kind).take(places)
    return pa.DictionaryArray.from_arrays(places.cast(pa.int32()), pa.array(values, pa.string()))
