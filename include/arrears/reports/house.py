"""What a morning works out once over the whole house, beside the mails: what was recovered, and what the desk keeps.

It has a connection of its own: frozen ledgers do not change, and no mail reads what is kept here.
"""

from concurrent.futures import Executor, Future
from datetime import date
from functools import cached_property

from sqlalchemy import Engine

from arrears.reports.figures import Figures
from arrears.reports.flow import keep_flow
from arrears.reports.frozen import recovery_of
from arrears.reports.load import keep_load
from arrears.reports.months import keep_recovery
from arrears.reports.mornings import Morning, keep_morning
from arrears.reports.recovery import Recovery
from arrears.reports.results import keep_results
from arrears.reports.scorecard import keep_scores
from arrears.store.engine import reading, writing


class House:
    """The whole house on one morning; each piece of work is begun once and waited for where it is needed."""

    def __init__(self, engine: Engine, beside: Executor, artifacts_url: str, run_id: str, business_date: date) -> None:
        """Begin nothing yet: a morning that is none, as when the ledger is held, needs nothing of this."""
        self._engine, self._beside, self._artifacts_url = engine, beside, artifacts_url
        self._run_id, self._day = run_id, business_date

    def recovered(self) -> dict[str, Recovery]:
        """Return what was recovered, read once for all readers."""
        return self._recovery.result()

    def begin(self) -> None:
        """Begin to read the ledger: most of a large one is payments."""
        _ = self._recovery

    def keep(self, figures: Figures, time_zone: str) -> Future[None]:
        """Begin to keep what the morning found over the whole house for the desk."""
        day, exceptions, deadlines, month = self._day, figures.exceptions, figures.deadlines, figures.month

        def keep_all() -> None:
            with writing(self._engine) as connection:
                keep_recovery(connection, day, self._run_id, self.recovered())
                keep_morning(connection, Morning(day, self._run_id), exceptions, deadlines)
                keep_flow(connection, day, self._run_id)
                keep_load(connection, day)
                keep_results(connection, day, time_zone)
                if month is not None:
                    keep_scores(connection, month.first, month.scores)

        return self._beside.submit(keep_all)

    @cached_property
    def _recovery(self) -> Future[dict[str, Recovery]]:
        return self._beside.submit(self._read)

    def _read(self) -> dict[str, Recovery]:
        with reading(self._engine) as connection:
            return recovery_of(connection, self._artifacts_url, self._run_id, self._day)
