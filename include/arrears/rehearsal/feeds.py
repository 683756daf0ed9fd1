"""The feeds folder: its columns, its rows, and how they become files."""

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path

Row = dict[str, str]

COLUMNS: dict[str, str] = {
    "accounts": "account_id closed_on customer_id contract_type currency branch owner total_price principal_outstanding"
    " asset_kind asset_make asset_model asset_serial engine_no plate asset_value",
    "instalments": "account_id instalment_no due_date amount_due principal_due interest_due penalty_due",
    "payments": "payment_id account_id paid_on amount kind",
    "parties": "account_id party_id role name language mobile email address service_address id_no time_zone"
    " preferred_channel preferred_time dialect opt_outs guarantee_kind guarantee_until",
    "outcomes": "account_id party_id channel at outcome reason note promised_amount promised_on arrived_at evidence_ref"
    " next_action_on staff_id willingness ability",
    "promises": "account_id made_on due_on amount channel party_id evidence_ref",
    "holds": "account_id kind from_on until_on reason approved_by",
    "plans": "account_id signed_on first_due_on instalments amount_each waiver guarantor_consent_ref approved_by",
    "staff": "staff_id name roles skills dialects branch mail language certificate_until capacity",
    "assignments": "account_id staff_id from_on",
    "agencies": "agency_id name licence_no licence_until insurance_until data_agreement_ref region channel"
    " active_until services",
    "documents": "account_id party_id kind sha256 dated_on served_on service_result confirmed_by second_confirmed_by"
    " title pages",
    "locations": "account_id at lat lon source site_type",
    "schedule_changes": "account_id kind from_on until_on approved_by",
    "charges": "account_id charged_on kind amount",
    "cases": "account_id case_id kind state at remedy staff_id court case_no",
    "visit_requests": "account_id asked_on reason asked_by approved_by",
    "committee": "account_id decided_on decision reason decided_by second_decided_by review_on",
    "debits": "account_id debit_id requested_on amount result",
    "recoveries": "account_id received_on amount kind",
    "controls": "business_date kind currency value confirmed_by",
    "opening": "account_id kind at party_id channel outcome evidence_ref agency_id attested_by second_attested_by",
}


class Feeds:
    """Rows by feed, kept as cells so that a broken row can be told as it would arrive."""

    def __init__(self) -> None:
        self._columns = {feed: columns.split() for feed, columns in COLUMNS.items()}
        self._cells: dict[str, list[list[str]]] = {feed: [] for feed in COLUMNS}

    def add(self, feed: str, rows: Iterable[Row]) -> None:
        """Add rows; a column a row does not name stays empty.

        Raises:
            ValueError: a row names a column the feed does not have.
        """
        columns = self._columns[feed]
        for row in rows:
            strange = row.keys() - set(columns)
            if strange:
                raise ValueError(f"{feed} has no column {min(strange)}")
            self._cells[feed].append([row.get(column, "") for column in columns])

    def add_cells(self, feed: str, cells: list[str]) -> None:
        """Add one row exactly as given, however broken."""
        self._cells[feed].append(cells)

    def write(self, folder: Path, *, also_empty: bool = True) -> None:
        """Write one CSV file a feed, sorted by account where it has one; the folder appears whole or not at all."""
        parts = folder.with_name(folder.name + ".part")
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True)
        for feed, columns in self._columns.items():
            rows = self._cells[feed]
            if not rows and not also_empty:
                continue
            if "account_id" in columns:
                place = columns.index("account_id")
                rows = sorted(rows, key=lambda cells: cells[place])
            with (parts / f"{feed}.csv").open("w", newline="", encoding="utf-8") as handle:
                csv.writer(handle, lineterminator="\n").writerows([columns, *rows])
        parts.replace(folder)


def write_feed(file: Path, feed: str, rows: Iterable[Row]) -> None:
    """Write one feed as a file of its own, as it arrives during a day."""
    columns = COLUMNS[feed].split()
    with file.open("w", newline="", encoding="utf-8") as handle:
        cells = ([row.get(column, "") for column in columns] for row in rows)
        csv.writer(handle, lineterminator="\n").writerows([columns, *cells])


def yuan(fen: int) -> str:
    """Write fen as yuan with two decimals."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"
