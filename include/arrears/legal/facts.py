"""The legal facts of one account at a cut-off date, and the hash approvals are bound to.

Accrual after the cut-off, later contacts and days left are outside the hash: a week without news keeps the packet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from arrears.core.keys import digest

DEBTOR_ROLES = ("borrower", "co_borrower")
GUARANTOR_ROLES = ("guarantor", "dealer_buyback")


@dataclass(frozen=True)
class Party:
    """A person or firm bound by the contract."""

    party_id: str
    role: str
    name: str = ""
    language: str = ""
    mobile: str = ""
    address: str = ""
    service_address: str = ""
    id_no: str = ""
    guarantee_kind: str = ""
    guarantee_until: date | None = None
    synthesised: bool = False


@dataclass(frozen=True)
class Instalment:
    """One instalment of the schedule in minor units; ``paid_minor`` is what the ledger allocated to it."""

    instalment_no: int
    due_date: date
    amount_minor: int
    paid_minor: int
    principal_minor: int | None = None
    penalty_minor: int | None = None

    @property
    def unpaid_minor(self) -> int:
        """Return the unpaid part."""
        return max(0, self.amount_minor - self.paid_minor)


@dataclass(frozen=True)
class Payment:
    """One payment or, when negative, its reversal."""

    payment_id: str
    paid_on: date
    amount_minor: int
    kind: str = ""


@dataclass(frozen=True)
class Document:
    """A registered document: known by its hash, service proven by its result and day."""

    kind: str
    sha256: str
    party_id: str = ""
    dated_on: date | None = None
    served_on: date | None = None
    service_result: str = ""
    confirmed_by: str = ""
    second_confirmed_by: str = ""
    title: str = ""
    pages: int | None = None
    form: str = ""

    @property
    def is_confirmed_by_two(self) -> bool:
        """Say whether two different people stand for the document."""
        return bool(self.confirmed_by and self.second_confirmed_by and self.confirmed_by != self.second_confirmed_by)


@dataclass(frozen=True)
class Demand:
    """A day on which the debtor provably learnt of the demand, paid or promised: limitation starts anew."""

    on: date
    kind: str


@dataclass(frozen=True)
class Money:
    """The ledger row of the snapshot, in minor units."""

    currency: str
    overdue_instalments: int
    overdue_minor: int
    days_past_due: int
    oldest_unpaid_due: date | None
    due_minor: int
    schedule_minor: int
    paid_minor: int
    whole_paid_on: date | None = None
    total_price_minor: int | None = None
    principal_outstanding_minor: int | None = None


@dataclass(frozen=True)
class LegalFacts:
    """Everything a remedy is judged by."""

    account_id: str
    subject_ref: str
    business_date: date
    contract_type: str
    money: Money
    rung: int
    data_incomplete: bool = False
    parties: Sequence[Party] = ()
    instalments: Sequence[Instalment] = ()
    payments: Sequence[Payment] = ()
    documents: Sequence[Document] = ()
    hard_holds: Sequence[str] = ()
    soft_holds: Sequence[str] = ()
    demands: Sequence[Demand] = ()
    accelerated_on: date | None = None
    sued_on: date | None = None
    preserved_on: date | None = None
    judged_on: date | None = None
    enforced_on: date | None = None
    chosen_remedy: str | None = None
    asset: dict[str, str] = field(default_factory=dict)

    @property
    def debtors(self) -> list[Party]:
        """Return borrower and co-borrowers."""
        return [party for party in self.parties if party.role in DEBTOR_ROLES]

    @property
    def guarantors(self) -> list[Party]:
        """Return everybody who answers for the debt of another."""
        return [party for party in self.parties if party.role in GUARANTOR_ROLES]

    def documents_of(self, *kinds: str) -> list[Document]:
        """Return the documents of some kinds, oldest first."""
        found = [document for document in self.documents if document.kind in kinds]
        return sorted(found, key=lambda document: (document.dated_on or date.max, document.sha256))


def facts_sha256(facts: LegalFacts, gates: Mapping[str, bool], papers: Mapping[str, str], policy_sha256: str) -> str:
    """Return the identity of a packet: parties, principal and payments, holds, gates, remedy and policy.

    ``papers`` names the document each evidence gate rests on; a further paper of the same kind changes nothing.

    The same facts give the same hash in every store: no random reference, run id or path is in it.
    """
    return digest(
        {
            "account": facts.account_id,
            "contract_type": facts.contract_type,
            "currency": facts.money.currency,
            "total_price": facts.money.total_price_minor,
            "principal": facts.money.principal_outstanding_minor,
            "parties": sorted(
                [
                    party.party_id,
                    party.role,
                    party.name,
                    party.address,
                    party.service_address,
                    party.id_no,
                    party.guarantee_kind,
                    _day(party.guarantee_until),
                ]
                for party in facts.parties
            ),
            "schedule": [
                [row.instalment_no, _day(row.due_date), row.amount_minor, row.principal_minor]
                for row in facts.instalments
            ],
            "paid": [[row.instalment_no, row.paid_minor] for row in facts.instalments if row.paid_minor],
            "payments": sorted(
                [row.payment_id, _day(row.paid_on), row.amount_minor, row.kind] for row in facts.payments
            ),
            "holds": sorted((*facts.hard_holds, *facts.soft_holds)),
            "asset": facts.asset,
            "gates": gates,
            "papers": papers,
            "remedy": facts.chosen_remedy or "",
            "policy": policy_sha256,
        }
    )


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""
