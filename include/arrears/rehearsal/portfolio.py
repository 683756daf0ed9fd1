"""Write the sample portfolio: made-up people, machines and money as a feeds folder for one morning."""

from datetime import date
from pathlib import Path

from arrears.core.calendar import add_months
from arrears.rehearsal import papers
from arrears.rehearsal.contracts import Contract, Party, draw
from arrears.rehearsal.faults import add_faults
from arrears.rehearsal.feeds import Feeds, Row, yuan
from arrears.rehearsal.groups import give_people
from arrears.rehearsal.history import outcome_rows, tell
from arrears.rehearsal.office import FINANCE, agency_rows, owner_of, staff_rows
from arrears.rehearsal.payments import pay
from arrears.rehearsal.stories import cast

SAMPLE_SEED = 7
SAMPLE_ACCOUNTS = 300


def sample_feeds(home: Path, on: date) -> Path:
    """Return ``<home>/feeds/<date>/``, written the first time it is asked for."""
    folder = home / "feeds" / on.isoformat()
    if not folder.exists():
        write_sample(folder, on=on)
    return folder


def write_sample(folder: Path, *, on: date, seed: int = SAMPLE_SEED, accounts: int = SAMPLE_ACCOUNTS) -> None:
    """Write the feeds of a portfolio whose first morning is ``on``; same arguments, same bytes.

    Raises:
        BadArguments: fewer accounts than a portfolio needs to mean anything.
        OSError: the folder exists and holds something, or cannot be written.
    """
    contracts = draw_portfolio(on, seed, accounts)
    feeds = Feeds()
    for contract in contracts:
        _add_contract(feeds, contract, on, seed)
    feeds.add("staff", staff_rows(on))
    feeds.add("agencies", agency_rows(on))
    feeds.add(
        "controls",
        [
            {
                "business_date": on.isoformat(),
                "kind": "accounts",
                "value": str(len(contracts)),
                "confirmed_by": FINANCE,
            },
            {"business_date": on.isoformat(), "kind": "no_payment_in_flight", "value": "0", "confirmed_by": FINANCE},
        ],
    )
    add_faults(feeds, contracts, on)
    feeds.write(folder)


def draw_portfolio(on: date, seed: int, accounts: int, *, all_on_the_15th: bool = False) -> list[Contract]:
    """Return the contracts with their people and payments, in order of account id."""
    contracts = [draw(account_id, story, on, seed, all_on_the_15th=all_on_the_15th)
                 for account_id, story in cast(accounts, seed).items()]  # fmt: skip
    for contract in contracts:
        pay(contract, on, seed)
    give_people(contracts, on, seed)
    return contracts


def _add_contract(feeds: Feeds, contract: Contract, on: date, seed: int) -> None:
    feeds.add("accounts", [account_row(contract)])
    feeds.add(
        "instalments",
        [
            {
                "account_id": contract.account_id,
                "instalment_no": str(number),
                "due_date": due.isoformat(),
                "amount_due": yuan(contract.amount),
                "principal_due": yuan(contract.principal),
                "interest_due": yuan(contract.interest),
                "penalty_due": "0.00",
            }
            for number, due in enumerate(contract.dues, start=1)
        ],
    )
    feeds.add(
        "payments",
        [
            {
                "payment_id": f"Y-{contract.account_id}-{number:03d}",
                "account_id": contract.account_id,
                "paid_on": payment.paid_on.isoformat(),
                "amount": yuan(payment.amount),
                "kind": payment.kind,
            }
            for number, payment in enumerate(contract.payments, start=1)
        ],
    )
    _add_past(feeds, contract, on, seed)


def add_first_day(feeds: Feeds, contracts: list[Contract], on: date, seed: int) -> None:
    """Add everything of the first morning beside the ledger: people, staff, agencies, and what happened before."""
    for contract in contracts:
        _add_past(feeds, contract, on, seed)
    feeds.add("staff", staff_rows(on))
    feeds.add("agencies", agency_rows(on))


def _add_past(feeds: Feeds, contract: Contract, on: date, seed: int) -> None:
    feeds.add("parties", [_party(contract, party) for party in contract.parties])
    owner = owner_of(contract)
    if owner:
        start = add_months(contract.dues[0], -1)
        feeds.add("assignments", [{"account_id": contract.account_id, "staff_id": owner, "from_on": start.isoformat()}])
    if contract.closed_on is None:
        feeds.add("outcomes", outcome_rows(tell(contract, on, seed)))
    feeds.add("documents", papers.document_rows(contract, on))
    feeds.add("locations", papers.location_rows(contract, on, seed))
    for feed, rows in (
        ("cases", papers.case_rows),
        ("holds", papers.hold_rows),
        ("plans", papers.plan_rows),
        ("promises", papers.promise_rows),
        ("opening", papers.opening_rows),
        ("schedule_changes", papers.change_rows),
        ("charges", papers.charge_rows),
    ):
        feeds.add(feed, rows(contract, on))


def account_row(contract: Contract) -> Row:
    """Return the contract as the accounts feed tells it today."""
    kind, make, model = contract.asset
    schedule = contract.amount * len(contract.dues)
    down = contract.price - contract.principal * len(contract.dues)
    whole_paid = min(contract.paid // contract.amount, len(contract.dues))
    return {
        "account_id": contract.account_id,
        "customer_id": contract.borrower.party_id,
        "currency": "CNY",
        "closed_on": contract.closed_on.isoformat() if contract.closed_on else "",
        "branch": contract.branch,
        "contract_type": contract.contract_type,
        "owner": owner_of(contract),
        "asset_kind": kind,
        "asset_make": make,
        "total_price": yuan(schedule + (down if contract.contract_type == "instalment_sale" else 0)),
        "principal_outstanding": yuan(contract.principal * (len(contract.dues) - whole_paid)),
        "asset_model": model,
        "asset_serial": contract.serial,
        "engine_no": contract.engine_no,
        "plate": contract.plate,
        "asset_value": yuan(contract.price * max(100 - 2 * contract.fallen_due, 35) // 100),
    }


def _party(contract: Contract, party: Party) -> Row:
    person = party.person
    return {
        "account_id": contract.account_id,
        "party_id": person.party_id,
        "role": party.role,
        "name": person.name,
        "language": person.language,
        "mobile": person.mobile,
        "email": person.email,
        "address": person.address,
        "service_address": person.service_address,
        "id_no": person.id_no,
        "time_zone": person.time_zone,
        "preferred_channel": person.preferred_channel,
        "preferred_time": person.preferred_time,
        "dialect": person.dialect,
        "opt_outs": person.opt_outs,
        "guarantee_kind": party.guarantee_kind,
        "guarantee_until": party.guarantee_until.isoformat() if party.guarantee_until else "",
    }
