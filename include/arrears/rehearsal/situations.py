"""The situations of the rulebook, each as one customer lives through it: the seed's training by cases."""

from collections.abc import Mapping
from dataclasses import dataclass

from arrears.core.errors import BadArguments
from arrears.rehearsal.feeds import Row

Told = tuple[int, str, Row]
"""Day, feed and row. Dates and moments are days from the start; ``borrower`` and ``guarantor`` name people."""


@dataclass(frozen=True)
class Scenario:
    """One situation. Days count from the start; ``pays`` are (day, percent of an instalment, kind).

    ``behind`` instalments are unpaid at the start; ``answers`` fix what comes of each channel; ``without`` names
    contact points that nobody knows; ``gone`` is the day on which the account drops out of the ledger.
    """

    name: str
    tells: str
    days: int = 40
    behind: int = 0
    pays: tuple[tuple[int, int, str], ...] = ()
    rows: tuple[Told, ...] = ()
    answers: Mapping[str, str] | None = None
    missed: tuple[int, ...] = ()
    cent_short: bool = False
    punctual: bool = False
    opt_outs: str = ""
    without: tuple[str, ...] = ()
    gone: int | None = None


SILENT = {"call": "no_answer", "guarantor_call": "no_answer", "sms": "delivered", "email": "delivered",
          "visit": "visit_met", "letter": "arrived"}  # fmt: skip
MONTH_AND_A_HALF, WEEKS, LONG = 45, 90, 130


def _hold(kind: str, since: int, until: int | None = None) -> Told:
    """Return word of a hold: told when it begins, told again when it ends."""
    row = {"kind": kind, "from_on": str(since), "reason": "演练", "approved_by": "S-HD"}
    return (since, "holds", row) if until is None else (until, "holds", row | {"until_on": str(until)})


def _promise(made: int, due: int, amount: str = "10000.00") -> Told:
    return (made + 1, "promises", {"made_on": str(made), "due_on": str(due), "amount": amount, "channel": "call",
                                   "party_id": "borrower", "evidence_ref": f"rec-{made}"})  # fmt: skip


def _debit(day: int, result: str, told: int) -> Told:
    return told, "debits", {"debit_id": "D-1", "requested_on": str(day), "amount": "10000.00", "result": result}


def _call(day: int, outcome: str, **more: str) -> Told:
    row = {"party_id": "borrower", "channel": "call", "at": str(day - 1), "outcome": outcome}
    return day, "outcomes", row | more


PLAN = {"signed_on": "5", "first_due_on": "25", "instalments": "3", "amount_each": "3500.00",
        "guarantor_consent_ref": "演练", "approved_by": "S-HD"}  # fmt: skip
SOON_DUE = PLAN | {"first_due_on": "8"}
HOLIDAY = {"kind": "payment_holiday", "from_on": "3", "until_on": "25", "approved_by": "S-HD"}
SWITCHED_OFF = SILENT | {"call": "switched_off", "guarantor_call": "switched_off", "visit": "visit_not_met",
                         "letter": "returned"}  # fmt: skip

MONEY = (
    Scenario("pays_on_time", "a customer who pays hears the courtesy messages of the 12th and 13th and no more",
             MONTH_AND_A_HALF, punctual=True),
    Scenario("first_miss", "the instalment of the month is missed: the first message comes a working day later",
             MONTH_AND_A_HALF),
    Scenario("one_overdue", "one instalment overdue: messages, calls to borrower and guarantor, never a letter", 10,
             behind=1),
    Scenario("two_overdue", "two instalments overdue: after calls to everybody the lawyer's letter, then the visit",
             MONTH_AND_A_HALF, behind=2),
    Scenario("five_overdue", "first seen with five instalments overdue: starts on rung 1, climbs by evidence", 60,
             behind=5),
    Scenario("never_pays", "nobody answers and nothing is paid: every rung in its order, up to the packet", LONG),
    Scenario("one_cent", "一分钱 unpaid never causes a call", 30, cent_short=True, punctual=True),
    Scenario("part_payment", "a part payment moves the oldest due date and skips no stage", 60, behind=2,
             pays=((6, 150, "transfer"),)),
    Scenario("cured", "the arrears are paid: thanks, then silence, and after three clean days the episode closes", 30,
             behind=1, pays=((9, 200, "transfer"),)),
    Scenario("reversed", "a payment is taken back within the cure days: the same episode goes on", 40, behind=1,
             pays=((9, 200, "transfer"), (11, -200, "reversal"))),
    Scenario("settled_early", "the whole contract is paid off: nothing more is said about it", 30, behind=1,
             pays=((7, 3000, "early_settlement"),)),
    Scenario("payment_holiday", "a granted payment holiday delays treatment, never the stage", 40, behind=1,
             rows=((3, "schedule_changes", HOLIDAY),)),
    Scenario("debit_in_flight", "nobody is asked while a debit is under way; it fails and asking goes on", 20, behind=1,
             rows=(_debit(5, "pending", 5), _debit(5, "failed", 8))),
    Scenario("sale_proceeds", "the proceeds of a sale are no instalment: they cure nothing", 20, behind=1,
             rows=((5, "recoveries", {"received_on": "4", "amount": "50000.00", "kind": "sale"}),)),
)  # fmt: skip
PROMISES = (
    Scenario("kept_promise", "a promise on the phone holds calls until its day, and is kept", 30, behind=1,
             answers=SILENT | {"call": "promised"}, pays=((6, 100, "transfer"),)),
    Scenario("broken_promise", "a promise is broken: calls go on, and a visit is due", 40, behind=1,
             answers=SILENT | {"call": "promised"}),
    Scenario("partly_kept_promise", "half of what was promised comes: the promise is over, no visit for it", 20,
             behind=1, rows=(_promise(1, 8),), pays=((7, 60, "transfer"),)),
    Scenario("far_promise", "a promise above the horizon holds calls no longer than the horizon", 30, behind=1,
             rows=(_promise(1, 28),)),
    Scenario("one_promise_too_many", "the third promise that was not kept holds nothing any more", 40, behind=1,
             rows=(_promise(1, 3), _promise(8, 10), _promise(15, 24))),
    Scenario("plan", "a signed and approved plan stops all but the reminder of its instalment", 30, behind=1,
             rows=((5, "plans", PLAN),)),
)  # fmt: skip
DEATH = {"kind": "deceased", "from_on": "-25", "until_on": "10", "reason": "演练", "approved_by": "S-HD"}
ESTATE = {"kind": "estate", "from_on": "11", "reason": "演练", "approved_by": "L-01"}
GUARANTORS_ALONE = (
    Scenario("bankrupt", "an insolvency stops collection: a person files the claim, each guarantor is asked in writing",
             40, behind=1, rows=(_hold("bankrupt", 6),)),
    Scenario("estate", "a death, and a lawyer has looked at it: each guarantor is asked in writing, nobody else", 40,
             behind=1, rows=((3, "holds", DEATH), (11, "holds", ESTATE))),
    Scenario("estate_unseen", "a death that a supervisor calls seen: without a lawyer's word nobody is asked", 40,
             behind=1, rows=((3, "holds", DEATH), (11, "holds", ESTATE | {"approved_by": "S-HD"}))),
    Scenario("buried_early", "a death holds for thirty days, whatever end was named", 40, behind=1,
             rows=((3, "holds", DEATH | {"from_on": "3", "until_on": "8"}),)),
)  # fmt: skip
HOLDS = (
    Scenario("dispute", "a dispute stops everything until it is settled", 40, behind=1,
             rows=(_hold("dispute", 6), _hold("dispute", 6, 20))),
    *(
        Scenario(kind, tells, 40, behind=1, rows=(_hold(kind, 6),))
        for kind, tells in (
            ("hardship", "hardship stops everything and asks a person"),
            ("deceased", "after a death nobody is contacted"),
            ("moratorium", "a moratorium stops collection"),
            ("cease", "who asked not to be contacted is not contacted"),
            ("complaint", "a complaint stops everything until a person has answered it"),
            ("vulnerability", "a vulnerable customer is left to a person"),
            ("legal_representative", "who has a representative is not asked past them"),
            ("litigation", "while a suit runs, the lawyers speak"),
            ("asset_loss", "a lost machine is a case for a person"),
        )
    ),
)  # fmt: skip
CONTACT = (
    Scenario("lost_contact", "nobody can be reached: visits take the place of calls, nobody is immune", LONG, behind=1,
             answers=SWITCHED_OFF),
    Scenario("invalid_number", "the number is dead: no more calls to it, the ladder goes on by other ways", WEEKS,
             behind=1, answers=SILENT | {"call": "invalid_number", "sms": "not_delivered"}),
    Scenario("opted_out", "an opt-out is obeyed at once; calls and letters stay", 30, behind=1, opt_outs="sms;email"),
    Scenario("no_contact_point", "a supervisor attests that there is no number: visits go on, nobody is immune", WEEKS,
             behind=2, without=("mobile", "email"),
             rows=(_call(3, "no_contact_point", staff_id="S-HD"),
                   _call(3, "no_contact_point", staff_id="S-HD", party_id="guarantor"))),
    Scenario("malice", "a malicious debtor: gaps are halved, no gate is skipped", MONTH_AND_A_HALF, behind=1,
             rows=(_call(1, "contacted", reason="malice", staff_id="S-01"),
                   _call(1, "contacted", reason="malice", staff_id="S-HD", channel="senior_contact"))),
    Scenario("just_talked", "whoever was spoken to is left in peace for two days, the call of the due day included", 20,
             behind=1, rows=(_call(11, "contacted", reason="cash_flow"),)),
    Scenario("gone", "an account missing from the ledger is left alone and is no cure", 30, behind=1, gone=8),
    Scenario("missed_days", "after a week without any run nobody gets a burst", 40, behind=1,
             missed=tuple(range(8, 15))),
)  # fmt: skip
VISIT_ASKED = {"asked_on": "3", "reason": "客户约定当面谈", "asked_by": "C-HD-1"}
COMMITTEE = {"decided_on": "11", "reason": "演练", "decided_by": "S-HD", "second_decided_by": "L-01"}
COLLECTORS = {"agency_id": "AG-C", "name": "演练催收公司", "licence_no": "演练", "licence_until": "2030-12-31",
              "insurance_until": "2030-12-31", "region": "", "channel": "file", "services": "collection",
              "data_agreement_ref": "演练"}  # fmt: skip
JUDGEMENT = (
    Scenario("refused", "who refuses is not called for a week; the consequences come by letter", 30, behind=1,
             rows=(_call(4, "refused"),)),
    Scenario("willing_and_able", "rated willing and able: the tone stays soft whatever the number of contacts", 30,
             behind=1, rows=(_call(1, "contacted", reason="inertia", willingness="high", ability="high"),)),
    Scenario("able_not_willing", "rated able but unwilling: halved gaps and an early demand, no gate skipped", 30,
             behind=1, rows=(_call(1, "contacted", reason="inertia", willingness="low", ability="high"),)),
    Scenario("neither", "rated neither willing nor able: the machine is looked for, guarantors are asked more often",
             30, behind=1, rows=(_call(1, "contacted", reason="business_distress", willingness="low", ability="low"),)),
    Scenario("reason_unknown", "spoken to twice and the reason still unknown: a supervisor is told", 20, behind=1,
             rows=(_call(2, "contacted"), _call(6, "contacted", reason="unknown"))),
    Scenario("visit_approved", "a visit is asked for with a reason; it is made once the supervisor approved", 20,
             behind=1, rows=((3, "visit_requests", VISIT_ASKED),
                             (7, "visit_requests", VISIT_ASKED | {"approved_by": "S-HD"}))),
    Scenario("visit_asked", "a visit is asked for and nobody approved it: it is not made for that reason", 20, behind=1,
             rows=((3, "visit_requests", VISIT_ASKED),)),
    Scenario("aged", "an old case waits for the committee, is decided, and goes on", 30, behind=7,
             rows=((12, "committee", COMMITTEE | {"decision": "continue", "review_on": "100"}),)),
    Scenario("written_off", "the committee writes an old case off: nobody is contacted any more", 30, behind=7,
             rows=((12, "committee", COMMITTEE | {"decision": "write_off"}),)),
    Scenario("to_agency", "the committee places an old case: it leaves once every gate is open, and nobody else calls",
             40, behind=7,
             rows=((3, "agencies", COLLECTORS), (12, "committee", COMMITTEE | {"decision": "placement"}))),
    Scenario("to_court", "the committee sends an old case to court: the machine is looked for, the papers are prepared",
             30, behind=7, rows=((12, "committee", COMMITTEE | {"decision": "legal"}),)),
    Scenario("plan_missed", "an instalment of a plan is missed: the plan is over, and somebody goes and looks", 20,
             behind=1, rows=((5, "plans", SOON_DUE),)),
    Scenario("plan_paid_in_part", "a good part of an instalment of a plan comes: the plan is over, no visit for it", 20,
             behind=1, rows=((5, "plans", SOON_DUE),), pays=((7, 20, "transfer"),)),
)  # fmt: skip
SCENARIOS = {
    scenario.name: scenario for scenario in (*MONEY, *PROMISES, *HOLDS, *GUARANTORS_ALONE, *CONTACT, *JUDGEMENT)
}


def scenario_named(name: str) -> Scenario:
    """Return a scenario by its name.

    Raises:
        BadArguments: there is none of that name.
    """
    if name not in SCENARIOS:
        raise BadArguments(f"--scenario {name!r}: use one of {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
