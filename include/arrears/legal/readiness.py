"""Which remedies are open for an account and why the others are not; a person chooses among the open ones.

Three overdue instalments are a business trigger; the test of the law is :mod:`arrears.ladder.grave_default`. A chattel
mortgage is never enforced by self-help (Civil Code 410).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from arrears.ladder.grave_default import Default, default_of, is_grave, is_mostly_paid
from arrears.ladder.policy import Policy
from arrears.legal import clocks
from arrears.legal.clocks import Cure, LegalClock
from arrears.legal.facts import Document, LegalFacts

REMEDIES = ("accelerate", "terminate_and_recover", "realise_security", "sue_and_preserve", "agency")
_TAKES_THE_ASSET = ("terminate_and_recover", "realise_security", "agency")


@dataclass(frozen=True)
class Readiness:
    """The verdict: gates by name, open remedies, and for each closed one its reasons."""

    gates: dict[str, bool]
    open_remedies: tuple[str, ...]
    closed: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]
    hard_holds: tuple[str, ...]
    clocks: tuple[LegalClock, ...]
    cure: Cure | None
    numbers: dict[str, int]
    papers: dict[str, str]

    @property
    def is_ready(self) -> bool:
        """Say whether every gate of at least one remedy is open."""
        return bool(self.open_remedies)


def assess(facts: LegalFacts, policy: Policy) -> Readiness:
    """Judge every remedy of one account on its cut-off date.

    ``missing`` is the to-do list: evidence somebody can still bring. A legal test that is not met is a reason, not a
    to-do.
    """
    cure = clocks.cure(facts, policy.legal, policy.business_calendar())
    limitation = clocks.limitation(facts, policy.legal)
    running = (
        *([limitation] if limitation else []),
        *clocks.guarantees(facts, policy.legal),
        *clocks.in_court(facts, policy.legal),
    )
    hard = tuple(sorted(set(facts.hard_holds)))
    gates = _common_gates(facts, cure, running, hard) | _papers_on_file(facts, policy, _for_every_remedy(policy))
    blocking = tuple(name for name, passed in gates.items() if not passed)
    gates |= _papers_on_file(facts, policy, _for_some_remedy(policy))
    closed: dict[str, tuple[str, ...]] = {}
    lacking: list[str] = []
    for remedy in REMEDIES:
        reasons = _legal_reasons(remedy, facts, policy)
        gates[f"test_{remedy}"] = not reasons
        own = [f"document_{kind}" for kind in _required(policy).get(remedy, ())]
        papers = [] if reasons else [name for name in own if not gates[name]]
        lacking += papers
        closed[remedy] = tuple(dict.fromkeys((*reasons, *blocking, *papers)))
    return Readiness(
        gates=gates,
        open_remedies=tuple(remedy for remedy in REMEDIES if not closed[remedy]),
        closed={remedy: reasons for remedy, reasons in closed.items() if reasons},
        missing=tuple(dict.fromkeys((*(name for name in blocking if name != "no_hard_hold"), *lacking))),
        hard_holds=hard,
        clocks=running,
        cure=cure,
        numbers=_numbers_of(facts),
        papers={
            kind: found.sha256
            for kind in (*_for_every_remedy(policy), *_for_some_remedy(policy))
            if (found := _paper(facts, policy, kind)) is not None
        },
    )


def _common_gates(
    facts: LegalFacts, cure: Cure | None, running: Sequence[LegalClock], hard: Sequence[str]
) -> dict[str, bool]:
    day = facts.business_date
    return {
        "rung_four": facts.rung >= 4,
        "no_hard_hold": not hard,
        "borrower_known": any(party.role == "borrower" and party.name for party in facts.parties),
        "service_address": all(party.service_address or party.address for party in facts.debtors),
        "demand_served": cure is not None,
        "cure_over": cure is not None and cure.is_over(day),
        "limitation_running": not any(clock.is_expired(day) for clock in running if clock.name == "limitation"),
        "guarantee_running": not any(clock.is_expired(day) for clock in running if clock.name == "guarantee"),
    }


def _required(policy: Policy) -> Mapping[str, Sequence[str]]:
    return {str(name): kinds for name, kinds in policy.legal.required_documents.items()}


def _for_every_remedy(policy: Policy) -> list[str]:
    required = _required(policy)
    return list(dict.fromkeys((*required.get("every_remedy", ()), *required.get("each_guarantor", ()))))


def _for_some_remedy(policy: Policy) -> list[str]:
    """Return the kinds that only some remedies need, each once."""
    always = set(_for_every_remedy(policy))
    kinds = (kind for remedy in REMEDIES for kind in _required(policy).get(remedy, ()))
    return list(dict.fromkeys(kind for kind in kinds if kind not in always))


def _papers_on_file(facts: LegalFacts, policy: Policy, kinds: Sequence[str]) -> dict[str, bool]:
    """Say for each kind whether it is on file: one of each guarantor where the policy asks that, otherwise one."""
    of_guarantors = set(_required(policy).get("each_guarantor", ()))
    on_file = {}
    for kind in kinds:
        if kind not in of_guarantors:
            on_file[f"document_{kind}"] = _paper(facts, policy, kind) is not None
        elif facts.guarantors:
            on_file[f"document_{kind}"] = all(
                _paper(facts, policy, kind, party.party_id) is not None for party in facts.guarantors
            )
    return on_file


def papers_of(facts: LegalFacts, policy: Policy, needed: str) -> dict[str, str | None]:
    """Return, for each kind of paper that something needs, the hash of the one that counts, if there is one."""
    kinds = _required(policy).get(needed, ())
    found = {kind: _paper(facts, policy, kind) for kind in kinds}
    return {kind: None if paper is None else paper.sha256 for kind, paper in found.items()}


def _paper(facts: LegalFacts, policy: Policy, kind: str, party_id: str | None = None) -> Document | None:
    """Return the oldest document of a kind that counts; the policy names those that need two people's confirmation."""
    counted = (
        row
        for row in facts.documents_of(kind)
        if (row.is_confirmed_by_two or kind not in policy.legal.confirmed_by_two)
        and (party_id is None or row.party_id == party_id)
    )
    return next(counted, None)


def _legal_reasons(remedy: str, facts: LegalFacts, policy: Policy) -> tuple[str, ...]:
    if remedy not in policy.legal.allowed_remedies:
        return ("not_allowed_by_policy",)
    reasons = list(_TESTS[remedy](facts, policy))
    guard = timedelta(days=policy.legal.recent_payment_guard_days)
    paid_on = facts.money.whole_paid_on
    if remedy in _TAKES_THE_ASSET and paid_on is not None and facts.business_date - paid_on <= guard:
        reasons.append("recent_payment")
    return tuple(reasons)


def _accelerate(facts: LegalFacts, policy: Policy) -> list[str]:
    return [] if is_grave(_default(facts), policy.legal) else ["arrears_below_legal_test"]


def _terminate(facts: LegalFacts, policy: Policy) -> list[str]:
    if facts.contract_type == "chattel_mortgage":
        return ["self_help_unlawful"]
    if facts.contract_type == "loan":
        return ["no_title_to_asset"]
    reasons = _accelerate(facts, policy)
    if is_mostly_paid(_default(facts), policy.legal):
        reasons.append("paid_ratio_block")
    return reasons


def _realise(facts: LegalFacts, policy: Policy) -> list[str]:
    return ["no_security"] if facts.contract_type == "loan" else _accelerate(facts, policy)


def _sue(facts: LegalFacts, _policy: Policy) -> list[str]:
    return [] if facts.money.overdue_minor > 0 else ["nothing_overdue"]


_TESTS: dict[str, Callable[[LegalFacts, Policy], list[str]]] = {
    "accelerate": _accelerate,
    "terminate_and_recover": _terminate,
    "realise_security": _realise,
    "sue_and_preserve": _sue,
    "agency": _sue,
}


def _default(facts: LegalFacts) -> Default:
    money = facts.money
    return default_of(
        facts.contract_type, money.overdue_instalments, money.overdue_minor, schedule_minor=money.schedule_minor,
        paid_minor=money.paid_minor, total_price_minor=money.total_price_minor,
    )  # fmt: skip


def _numbers_of(facts: LegalFacts) -> dict[str, int]:
    """Return what the legal test compared, for the reader of a packet; minor units."""
    default = _default(facts)
    return {"overdue": default.overdue_minor, "total": default.total_minor, "paid": default.paid_minor}
