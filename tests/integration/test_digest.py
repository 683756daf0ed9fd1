"""The digest and the work lists over a small store whose every figure was worked out by hand."""

import hashlib
import io
import re
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete, select, update

from arrears.audit.user_actions import copy_actions
from arrears.desk.chart import chart
from arrears.ladder.layers import load_policy
from arrears.ladder.policy_office import Recipient
from arrears.ledger.intake import import_feed
from arrears.reports import kpi
from arrears.reports.behind import LISTED, accounts_behind
from arrears.reports.deadlines import Deadline
from arrears.reports.digest import build_digests
from arrears.reports.figures import Figures
from arrears.reports.load import keep_load, load_of
from arrears.reports.months import month_lines
from arrears.reports.mornings import Morning, deadlines_today, exceptions_today, keep_morning
from arrears.reports.opening import opening
from arrears.reports.results import Result, keep_results, results_of
from arrears.reports.sheet import list_sheet
from arrears.reports.wording import words
from arrears.reports.work import tasks_of
from arrears.reports.worklist_rows import Row
from arrears.reports.worklists import (
    kept_list,
    language_of_header,
    outcome_dialect,
    write_carried_over,
    write_worklists,
)
from arrears.store import snapshot
from arrears.store.bulk import insert_all, insert_new
from arrears.store.engine import reading, writing
from arrears.store.tables import decisions, feeds, legal, outreach, people, reports, repossession, runs
from arrears.store.tables.reports import digest_sent

DAY = date(2026, 11, 12)
RUN = "daily-2026-11-12-1"
AT = "2026-11-11T22:00:00Z"
NOTE = (
    "arrears.example/log\n42\nq1Zk0iLr1bHVm0rF2mVyqZ3cWbS0a1b2c3d4e5f6g7h=\n\n"
    "— arrears.example/log AAAAabcdefghijklmnop=\n"
)
EVIL = '<script>alert("x")</script>=HYPERLINK("http://x")'

# account, stage, rung, entitled, days late, overdue, owner, branch
ACCOUNTS = [
    ("A1", 0, 1, 1, 0, 0, "S1", "华北"),
    ("A2", 1, 2, 2, 7, 1_000_00, "S1", "华北"),
    ("A3", 1, 1, 2, 12, 2_000_00, "S1", "华北"),
    ("A4", 2, 3, 3, 38, 6_000_00, "S2", "华东"),
    ("A5", 3, 4, 4, 95, 30_000_00, "S2", "华东"),
    ("A6", 3, 2, 4, 200, 50_000_00, None, "华东"),
]
PEOPLE = {"A1": "P1", "A2": "P2", "A3": "P2", "A4": "P4", "A5": "P5", "A6": "P6"}
NAMES = {"P1": "赵一", "P2": "钱二", "P4": "孙四", "P5": "李五", "P6": EVIL, "G5": "周保证"}


def key(*parts):
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


@pytest.fixture
def policy():
    return load_policy()


@pytest.fixture
def morning(store, rt, policy):
    """A store at 08:00 of 12 November 2026, with its frozen ledger."""
    with writing(store) as connection:
        _seed_run(connection, policy)
        _seed_accounts(connection)
        _seed_decisions(connection, policy)
        _seed_contacts(connection)
        _seed_cases(connection)
    _freeze(Path(rt.settings.artifacts_url.removeprefix("file://")))
    return store


def _seed_run(connection, policy):
    insert_all(
        connection,
        runs.policy_text,
        [
            {
                "policy_sha256": policy.sha256,
                "policy_id": "cn",
                "version": "1.0",
                "effective_from": policy.effective_from,
                "body": policy.canonical(),
            }
        ],
    )
    insert_all(
        connection,
        runs.run,
        [
            {
                "run_id": run_id,
                "origin_key": key(run_id),
                "kind": "daily",
                "business_date": day,
                "ordinal": 1,
                "status": status,
                "rehearsal": False,
                "plan_only": False,
                "released": True,
                "started_at": AT,
                "policy_sha256": policy.sha256,
                "code_version": "0.1.0",
                "code_id": "test",
                "attempt": "{}",
                "snapshot_id": snapshot,
            }
            for run_id, day, status, snapshot in [
                (RUN, DAY, "running", key("snapshot")),
                ("daily-2026-11-11-1", date(2026, 11, 11), "completed", None),
            ]
        ],
    )
    insert_all(
        connection,
        feeds.snapshot,
        [
            {
                "snapshot_id": key("snapshot"),
                "business_date": DAY,
                "delivery_no": 1,
                "feeds_sha256": key("feeds"),
                "rows": 40,
                "accepted": 38,
                "quarantined": 2,
                "accounts": 6,
                "control_totals": "{}",
                "facts": "{}",
                "run_id": RUN,
                "created_at": AT,
            }
        ],
    )
    insert_all(connection, runs.gate, [{"run_id": RUN, "name": "zero_rows", "passed": True, "detail": "40 rows"}])
    insert_all(
        connection,
        feeds.delivery,
        [
            {
                "delivery_id": key("d"),
                "feed": "payments",
                "file_name": "payments.csv",
                "sha256": key("f"),
                "rows": 40,
                "accepted": 38,
                "quarantined": 2,
                "received_at": AT,
                "business_date": DAY,
                "delivery_no": 1,
                "run_id": RUN,
            }
        ],
    )
    insert_all(
        connection,
        feeds.quarantine,
        [
            {"delivery_id": key("d"), "row_no": n, "column": column, "reason": "bad_amount", "account_id": "A3"}
            for n, column in [(7, "amount"), (9, "amount"), (9, "paid_on")]
        ],
    )


def _seed_accounts(connection):
    named = [{"subject_ref": f"ref-{a}", "account_id": a, "created_at": AT} for a, *_ in ACCOUNTS]
    insert_all(connection, people.subject, named)
    insert_all(
        connection,
        feeds.account,
        [
            {
                "account_id": a,
                "subject_ref": f"ref-{a}",
                "contract_type": "finance_lease",
                "currency": "CNY",
                "branch": branch,
                "owner": owner,
                "principal_outstanding_minor": 100_000_00,
                "asset_make": "三一",
                "asset_model": "SY215",
                "is_missing": False,
                "data_incomplete": False,
            }
            for a, _, _, _, _, _, owner, branch in ACCOUNTS
        ],
    )
    insert_all(
        connection,
        people.party,
        [{"party_id": p, "name": n, "mobile": "13800000000", "address": "某市某路 1 号"} for p, n in NAMES.items()],
    )
    insert_all(
        connection,
        people.account_party,
        [
            *(
                {"account_id": a, "party_id": p, "role": "borrower", "guarantee_kind": None, "guarantee_until": None}
                for a, p in PEOPLE.items()
            ),
            {
                "account_id": "A5",
                "party_id": "G5",
                "role": "guarantor",
                "guarantee_kind": "joint",
                "guarantee_until": date(2026, 11, 28),
            },
            {
                "account_id": "A6",
                "party_id": "G5",
                "role": "guarantor",
                "guarantee_kind": "joint",
                "guarantee_until": date(2026, 12, 1),
            },
        ],
    )
    insert_all(
        connection,
        feeds.staff,
        [
            {
                "staff_id": s,
                "name": n,
                "roles": "collector",
                "skills": "",
                "dialects": "",
                "branch": b,
                "mail": m,
                "language": language,
            }
            for s, n, b, m, language in [
                ("S1", "王催", "华北", "wang@arrears.example", "zh"),
                ("S2", "Lee", "华东", "lee@arrears.example", "en"),
            ]
        ],
    )


def _seed_decisions(connection, policy):
    insert_all(connection, decisions.fact_set, [{"facts_sha256": key("facts"), "body": "{}"}])
    insert_all(connection, decisions.verdict, [{"verdict_sha256": key("verdict"), "body": "{}"}])
    common = {
        "run_id": RUN,
        "currency": "CNY",
        "ledger_row_sha256": key("row"),
        "facts_sha256": key("facts"),
        "verdict_sha256": key("verdict"),
        "policy_sha256": policy.sha256,
        "row_sha256": key("row"),
        "episode_due": None,
        "oldest_unpaid_due": None,
        "lane": "good_faith",
    }
    insert_all(
        connection,
        decisions.decision,
        [
            common
            | {
                "business_date": DAY,
                "account_id": a,
                "revision": revision,
                "stage": stage,
                "entitled_rung": entitled,
                "unlocked_rung": rung,
                "rung": rung,
                "overdue_instalments": stage,
                "overdue_minor": overdue,
                "days_past_due": days,
                "branch": branch,
            }
            for a, stage, rung, entitled, days, overdue, _, branch in ACCOUNTS
            for revision in (1, 2)
            if revision == 1 or a == "A2"
        ],
    )


def _contact(party, channel, state, day, staff, stage, total, reason=None):
    return {
        "contact_id": key(party, channel, day),
        "business_date": day,
        "party_id": party,
        "channel": channel,
        "language": "zh",
        "audience": "borrower",
        "tone": "firm",
        "template": "t",
        "staff_id": staff,
        "stage": stage,
        "batch_no": 0,
        "total_minor": total,
        "currency": "CNY",
        "slot_opens_at": AT,
        "slot_closes_at": AT,
        "run_id": RUN,
        "state": state,
        "state_run_id": RUN,
        "reason": reason,
        "intent_at": AT,
        "payload_sha256": key("p"),
        "sent_at": AT if state == "sent" else None,
        "provider_code": "ok" if state == "sent" else None,
    }


def _seed_contacts(connection):
    before = date(2026, 11, 11)
    contacts = [
        (_contact("P2", "call", "planned", DAY, "S1", 1, 3_000_00), ["A2", "A3"]),
        (_contact("P4", "visit", "planned", DAY, "S2", 2, 6_000_00), ["A4"]),
        (_contact("P6", "call", "planned", DAY, None, 3, 50_000_00), ["A6"]),
        (_contact("P5", "letter", "planned", DAY, "S2", 3, 30_000_00), ["A5"]),
        (_contact("P5", "call", "withheld", DAY, "S2", 3, 30_000_00, "opted_out"), ["A5"]),
        (_contact("P2", "sms", "sent", before, None, 1, 3_000_00), ["A2"]),
        (_contact("P4", "sms", "in_doubt", before, None, 2, 6_000_00), ["A4"]),
    ]
    insert_all(connection, outreach.contact, [row for row, _ in contacts])
    insert_all(
        connection,
        outreach.item,
        [
            {
                "item_key": key(row["contact_id"], a),
                "account_id": a,
                "occasion": "episode:2026-10-15",
                "step": row["channel"],
                "channel": row["channel"],
                "party_id": row["party_id"],
                "ordinal": 1 if row["business_date"] == DAY else 0,
                "contact_id": row["contact_id"],
                "business_date": row["business_date"],
                "audience": "borrower",
                "tone": "firm",
                "rung": 2,
                "stage": row["stage"],
                "amount_minor": found[5],
                "currency": "CNY",
                "overdue_instalments": found[1],
            }
            for row, accounts in contacts
            for a in accounts
            for found in ACCOUNTS
            if found[0] == a
        ],
    )
    insert_all(
        connection,
        outreach.suppression,
        [
            {
                "business_date": DAY,
                "account_id": a,
                "step": step,
                "channel": channel,
                "party_id": "*",
                "reason": reason,
                "run_id": RUN,
            }
            for a, step, channel, reason in [
                ("A3", "borrower_call", "call", "hold_dispute"),
                ("A3", "borrower_call", "call", "weekly_call_budget"),
                ("A4", "guarantor_call", "call", "before_borrower_call"),
                ("A5", "visit", "visit", "covered_by_visit_with_letter"),
                ("A6", "visit", "visit", "hold_dispute"),
                ("A6", "lawyers_letter", "letter", "evidence_missing"),
            ]
        ],
    )
    insert_all(
        connection,
        feeds.outcome,
        [
            {"outcome_key": key(n), "account_id": a, "party_id": p, "channel": "call", "at": at, "outcome": result}
            for n, (a, p, at, result) in enumerate(
                [
                    ("A2", "P2", "2026-11-11T02:00:00Z", "no_answer"),
                    ("A2", "P2", "2026-11-11T03:00:00Z", "promised"),
                    ("A4", "P4", "2026-11-10T16:30:00Z", "busy"),  # half past midnight of the 11th in Shanghai
                    ("A4", "P4", "2026-11-10T15:30:00Z", "contacted"),
                ]
            )
        ],
    )  # half past eleven of the 10th


def _seed_cases(connection):
    insert_all(
        connection,
        feeds.promise,
        [
            {
                "promise_key": key(n),
                "account_id": a,
                "made_on": date(2026, 11, 3),
                "due_on": due,
                "amount_minor": amount,
                "party_id": PEOPLE[a],
                "state": state,
            }
            for n, (a, due, amount, state) in enumerate(
                [
                    ("A2", DAY, 500_00, "open"),
                    ("A4", DAY, 700_00, "open"),
                    ("A5", DAY, 900_00, "withdrawn"),
                    ("A2", date(2026, 10, 1), 1_00, "kept"),
                    ("A3", date(2026, 10, 2), 1_00, "kept"),
                    ("A4", date(2026, 11, 9), 1_00, "broken"),
                ]
            )
        ],
    )
    common = {
        "version": 1,
        "facts_sha256": key("facts"),
        "open_remedies": [],
        "chosen_remedy": None,
        "reasons": [],
        "built_on": DAY,
        "run_id": RUN,
        "pdf_sha256": key("pdf"),
        "pdf_path": "p",
        "manifest_sha256": key("m"),
    }
    insert_all(
        connection,
        legal.packet,
        [
            common
            | {
                "packet_id": key("A5"),
                "account_id": "A5",
                "state": "draft",
                "missing": ["document_visit_report", "document_proof_of_service"],
                "clocks": [
                    {
                        "name": "limitation",
                        "party_id": "",
                        "expires_on": "2026-11-20",
                        "assumption": "x",
                        "preserved_on": "",
                    }
                ],
            },
            common
            | {
                "packet_id": key("A6"),
                "account_id": "A6",
                "state": "draft",
                "missing": ["rung_four", "demand_served", "cure_over"],
                "clocks": [
                    {
                        "name": "guarantee",
                        "party_id": "G5",
                        "expires_on": "2026-11-15",
                        "assumption": "x",
                        "preserved_on": "2026-10-01",
                    }
                ],
            },
        ],
    )
    insert_all(
        connection,
        repossession.approval,
        [
            {
                "approval_id": key("ap"),
                "kind": "remedy",
                "subject_key": key("A5"),
                "account_id": "A5",
                "facts_sha256": key("facts"),
                "ordinal": 1,
                "requested_on": date(2026, 11, 9),
                "requested_at": AT,
                "state": "open",
                "roles": "legal",
                "run_id": RUN,
            }
        ],
    )


def _freeze(artifacts):
    folder = artifacts / "snapshots" / key("snapshot")
    folder.mkdir(parents=True)
    due = {"A1": 10_000_00, "A2": 10_000_00, "A3": 10_000_00, "A4": 20_000_00, "A5": 50_000_00, "A6": 100_000_00}
    rows = [
        {
            "subject_ref": f"ref-{a}",
            "currency": "CNY",
            "branch": branch,
            "stage": stage,
            "days_past_due": days,
            "overdue_minor": overdue,
            "due_minor": due[a],
            "principal_outstanding_minor": 100_000_00,
        }
        for a, stage, _, _, days, overdue, _, branch in ACCOUNTS
    ]
    # A7 pays on time and has nothing to decide: it is in the ledger, not among the decisions.
    rows.append(rows[0] | {"subject_ref": "ref-A7", "due_minor": 0, "principal_outstanding_minor": 0})
    schema = pa.schema(
        [
            ("subject_ref", pa.string()),
            ("currency", pa.string()),
            ("branch", pa.string()),
            ("stage", pa.int8()),
            ("days_past_due", pa.int32()),
            ("overdue_minor", pa.int64()),
            ("due_minor", pa.int64()),
            ("principal_outstanding_minor", pa.int64()),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "accounts.parquet")
    # A2 paid everything up to October, and 4,000 of the 5,000 due on 5 November yesterday: 1,000 overdue.
    paid = {a: due[a] - overdue for a, _, _, _, _, overdue, _, _ in ACCOUNTS}
    payments = [(f"ref-{a}", date(2026, 9, 1), paid[a] - (4_000_00 if a == "A2" else 0)) for a in paid]
    payments.append(("ref-A2", date(2026, 11, 11), 4_000_00))
    payments.sort()
    pq.write_table(
        pa.table(
            {
                "subject_ref": [p[0] for p in payments],
                "paid_on": pa.array([p[1] for p in payments], pa.date32()),
                "amount_minor": pa.array([p[2] for p in payments], pa.int64()),
            }
        ),
        folder / "payments.parquet",
    )
    pq.write_table(
        pa.table(
            {
                "subject_ref": ["ref-A2"],
                "instalment_no": pa.array([9], pa.int32()),
                "due_date": pa.array([date(2026, 11, 5)], pa.date32()),
                "amount_due_minor": pa.array([5_000_00], pa.int64()),
                "paid_minor": pa.array([4_000_00], pa.int64()),
            }
        ),
        folder / "instalments.parquet",
    )


@pytest.fixture
def look(rt, policy):
    """What a reader's morning looks like, in a transaction that stays open until the test is over."""
    with ExitStack() as views:

        def at(store, branch=None, **more):
            connection = views.enter_context(reading(store))
            return Figures(connection, DAY, policy, branch, artifacts_url=rt.settings.artifacts_url, run_id=RUN, **more)

        yield at


def test_figures_agree_with_the_store_worked_out_by_hand(morning, rt, policy, look):
    found = look(morning)
    assert {stage: group.accounts for stage, group in found.standing.stages.items()} == {0: 1, 1: 2, 2: 1, 3: 2}
    assert found.standing.stages[3].overdue == {"CNY": 80_000_00}
    assert found.standing.rungs == {1: 2, 2: 2, 3: 1, 4: 1}
    assert found.standing.held_back == 2
    assert found.promises_due_count == 2
    assert found.promise_kept_rate == 6667
    assert found.packets == {"draft": 2}
    assert [(line.kind, line.count) for line in found.approvals] == [("remedy", 1)]
    assert found.quarantine == {"payments:bad_amount": 3}


def test_the_stages_are_those_of_the_whole_ledger_not_only_of_accounts_decided_on(morning, rt, policy, look):
    found = look(morning)
    assert found.standing.accounts == 6
    assert {stage: group.accounts for stage, group in found.stages.items()} == {0: 2, 1: 2, 2: 1, 3: 2}
    assert found.stages[3].overdue == {"CNY": 80_000_00}


def test_recovery_counts_what_was_overdue_and_came_in(morning, rt, policy, look):
    # Arrears on 1 November: A3 2,000 + A4 6,000 + A5 30,000 + A6 50,000; A2's 5,000 became overdue after the 5th.
    found = look(morning).recovery["CNY"]
    assert (found.base_minor, found.collected_minor) == (93_000_00, 4_000_00)
    assert found.recovered_yesterday_minor == 4_000_00


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_recovery_is_the_same_wherever_a_part_of_the_frozen_ledger_ends_inside_an_account(
    morning, monkeypatch, look, rows
):
    at_once, batches = look(morning).recovery["CNY"], snapshot.batches
    monkeypatch.setattr(snapshot, "batches", lambda *given: batches(*given[:4], rows))
    assert look(morning).recovery["CNY"] == at_once


def test_a_manager_reads_which_branch_lacks_most_and_whom_to_ask(morning, rt, policy, look):
    # 华北 5,000 (A2) + 2,000 (A3) of which 4,000 came; 华东 6,000 + 30,000 + 50,000 and nothing: 26.67 % are 22,936.20.
    with writing(morning) as connection:
        change = update(feeds.staff).where(feeds.staff.c.staff_id == "S2").values(roles="field;supervisor")
        connection.execute(change)
    east, north = look(morning).branch_lines
    assert (east.branch, east.base_minor, east.collected_minor, east.short_minor) == ("华东", 86_000_00, 0, 22_936_20)
    assert (north.branch, north.base_minor, north.collected_minor) == ("华北", 7_000_00, 4_000_00)
    assert (north.short_minor < 0, north.recovered) == (True, 5714)
    assert (east.supervisors, north.supervisors) == (("Lee",), ())
    (mail,) = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))
    told = mail.text[mail.text.index("本月各分公司") :].splitlines()[1:]
    lines = [line for line in told if line.startswith(("华", "- 华", "  华"))][:2]
    assert "应收回 ¥86,000.00 · 已收回 ¥0.00 · 收回率 0.0% · 比应到少 ¥22,936.20 · 主管 Lee" in lines[0]
    assert "应收回 ¥7,000.00 · 已收回 ¥4,000.00 · 收回率 57.1% · 比应到少 — · 主管 （未分配）" in lines[1]
    assert look(morning, "华北").branch_lines == []


def test_the_recovery_of_a_morning_is_kept_for_the_page_of_the_month(morning, rt, policy):
    for _ in range(2):
        _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", "华北"))
    with reading(morning) as connection:
        lines = month_lines(connection, DAY, "CNY", 70, policy.business_calendar())
        later = month_lines(connection, date(2026, 12, 31), "CNY", 70, policy.business_calendar())
    assert lines.recovered == {12: 430}  # 4,000 of 93,000: of the whole house, whoever reads
    assert (lines.expected[1], lines.expected[12], lines.last_day) == (0, 2667, 30)
    assert later.before == {12: 430}
    assert chart(lines) is not None
    assert chart(replace(lines, recovered={}, before={})) is None


def _shown(store, policy, first=0, limit=100, run_id=RUN):
    """Return what waits for a person and which last days come next, as the desk reads them."""
    with reading(store) as connection:
        now = Morning(DAY, run_id)
        return exceptions_today(connection, now, policy), deadlines_today(connection, now, policy, first, limit)


def test_the_desk_reads_what_the_morning_found_instead_of_every_account(morning, rt, policy):
    waiting, (count, last_days) = _shown(morning, policy)
    assert {"no_owner", "in_doubt"} <= {line.kind for line in waiting}
    assert count == len(last_days) == 1
    _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", "华北"))
    with writing(morning) as connection:
        connection.execute(delete(decisions.decision))
        connection.execute(update(legal.packet).values(clocks=[]))
    kept, (kept_count, kept_days) = _shown(morning, policy)
    assert kept == waiting
    assert [(line.kind, line.subject, line.on) for line in kept_days] == [
        (line.kind, line.subject, line.on) for line in last_days
    ]
    assert kept_count == count


def test_what_changes_by_day_is_not_the_mornings_to_say(morning, rt, policy):
    _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", "华北"))
    with writing(morning) as connection:
        connection.execute(update(outreach.contact).where(outreach.contact.c.state == "in_doubt").values(state="sent",
                           sent_at=AT, provider_code="ok"))  # fmt: skip
    assert "in_doubt" not in {line.kind for line in _shown(morning, policy)[0]}


def test_a_run_whose_morning_is_not_kept_yet_is_worked_out_on_the_spot(morning, rt, policy):
    before = _shown(morning, policy)
    with writing(morning) as connection:
        keep_morning(connection, Morning(DAY, RUN), [], [])
    assert _shown(morning, policy) != before
    assert _shown(morning, policy, run_id="daily-2026-11-12-2") == before


def test_a_digest_made_again_for_an_earlier_day_takes_no_last_day_from_the_newest(morning, policy):
    lines = [Deadline("guarantee", "A5", date(2026, 11, day)) for day in (20, 21, 22)]
    with writing(morning) as connection:
        keep_morning(connection, Morning(DAY, RUN), [], lines)
        keep_morning(connection, Morning(date(2026, 11, 3), RUN), [], lines[:1])
    assert _shown(morning, policy)[1] == (3, lines)
    assert _shown(morning, policy, first=1, limit=1)[1] == (3, lines[1:2]), "a leaf of them, and how many there are"


def test_the_load_of_past_days_is_kept_and_the_last_week_is_counted_again(morning):
    yesterday, old = date(2026, 11, 11), date(2026, 11, 2)
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    with writing(morning) as connection:
        insert_all(connection, outreach.contact, [_contact("P9", "sms", "sent", old, None, 1, 1_00)])
        counted = load_of(connection, first, last)
        keep_load(connection, DAY)
        assert load_of(connection, first, last) == counted
        assert {on: counts.total() for on, counts in counted.items()} == {old: 1, yesterday: 2, DAY: 5}
        assert counted[DAY] == {"people": 4, "stopped": 1}
        insert_all(connection, outreach.contact, [_contact("P9", "sms", "sent", on, None, 1, 1_00)
                                                  for on in (date(2026, 11, 3), yesterday)])  # fmt: skip
        assert load_of(connection, first, last) == counted, "past days are read, not counted"
        keep_load(connection, DAY)
        again = load_of(connection, first, last)
    assert (again[yesterday]["messages"], again[old]["messages"]) == (3, 1)
    assert date(2026, 11, 3) not in again, "what is older than a week does not change"


def test_results_are_told_by_the_treatment_of_the_day_kept_for_past_days_and_counted_again_for_a_week(morning, policy):
    first, last, zone = date(2026, 11, 1), date(2026, 11, 30), policy.time_zone
    with writing(morning) as connection:
        counted = results_of(connection, first, last, zone)
        assert Result("call", 0, "promised", "") in counted, "nothing was decided on the day before"
        decided = update(decisions.decision).values(business_date=date(2026, 11, 11))
        connection.execute(decided.where(decisions.decision.c.account_id == "A2"))
        counted = results_of(connection, first, last, zone)
        assert counted[Result("call", 2, "promised", "")] == 1, "A2 was treated on rung 2"
        keep_results(connection, DAY, zone)
        assert results_of(connection, first, last, zone) == counted
        connection.execute(delete(feeds.outcome))
        assert results_of(connection, first, last, zone) == counted, "past days are read, not counted"
        keep_results(connection, DAY, zone)
        assert not results_of(connection, date(2026, 11, 5), last, zone), "the last week is counted again"


def test_portfolio_at_risk_comes_from_the_frozen_ledger(morning, rt, policy, look):
    found = look(morning).portfolio["CNY"]
    assert [found.at_risk(limit) for limit in (30, 60, 90)] == [5000, 3333, 3333]
    assert found.overdue_ratio == 4450  # 89,000 of 200,000


def test_a_branch_sees_only_its_own(morning, rt, policy, look):
    found = look(morning, "华北")
    assert found.standing.accounts == 3
    assert found.portfolio["CNY"].accounts == 4
    assert [task.accounts for task in found.tasks] == [("A2", "A3")]
    assert found.promises_due_count == 1
    assert found.packet_lines == []
    assert found.lapsing["guarantee"].count == 0


def test_a_stopped_call_is_counted_once_and_a_later_step_is_not_a_stopped_call(morning, rt, policy, look):
    # A3's call has two reasons, A6's visit one, P5's call was withheld; "before_…", "covered_by_…" and the letter
    # do not count.
    assert look(morning).stopped_calls == 3


def test_outcomes_belong_to_the_local_day_on_which_they_happened(morning, rt, policy, look):
    found = look(morning)
    assert found.outcomes == {"no_answer": 1, "promised": 1, "busy": 1}
    assert found.right_party_rate == 3333


def test_a_guarantee_that_a_demand_has_saved_is_no_longer_counted(morning, rt, policy, look):
    lapsing = look(morning).lapsing
    assert [(line.account_id, line.expires_on) for line in lapsing["guarantee"].lines] == [("A5", date(2026, 11, 28))]
    assert lapsing["guarantee"].amount == {"CNY": 100_000_00}
    assert lapsing["limitation"].count == 1


def test_behind_each_count_stand_as_many_accounts_as_it_says(morning, rt, policy, look):
    told_of(morning, "A4", "P4")
    for branch in (None, "华东"):
        found = {line.kind: line.count for line in look(morning, branch).exceptions}
        with reading(morning) as connection:
            listed = {kind: accounts_behind(connection, kind, DAY, branch, policy, 0, 100) for kind in LISTED}
        assert {kind: total for kind, (total, _) in listed.items() if total} == {
            kind: count for kind, count in found.items() if kind in LISTED
        }
        assert all(total == len(rows) for total, rows in listed.values())
        assert any(rows for _, rows in listed.values())
        assert all(account_id.startswith("A") for _, rows in listed.values() for account_id, _ in rows)


def test_every_exception_names_who_settles_it(morning, rt, policy, look):
    found = {line.kind: line for line in look(morning).exceptions}
    assert {kind: line.count for kind, line in found.items()} == {
        "in_doubt": 1,
        "no_owner": 1,
        "quarantined_rows": 2,
        "broken_promises": 1,
        "calendar_unconfirmed": 10,
        "committee_due": 1,
    }
    assert found["in_doubt"].age(DAY) == 1
    assert found["in_doubt"].owner == "supervisor"


@pytest.mark.parametrize(("mode", "code_id", "told"), [
    ("live", "unreleased", 1),
    ("live", "5c0b876abcde", None), ("sandbox", "unreleased", None), (None, "unreleased", None),
])  # fmt: skip
def test_a_live_day_by_code_without_a_name_is_an_exception(morning, store, look, mode, code_id, told):
    with writing(store) as connection:
        connection.execute(delete(runs.store_identity))
        connection.execute(runs.store_identity.insert().values(id=1, store_uuid="u", created_at=AT, mode=mode))
        connection.execute(update(runs.run).values(code_id=code_id))
    found = {line.kind: line for line in look(morning).exceptions}
    assert found["code_unnamed"].count == told if told else "code_unnamed" not in found


def _mails(store, rt, policy, *recipients, **more):
    readers = [
        Recipient(role=role, mail=mail, language=language, branch=branch) for role, mail, language, branch in recipients
    ]
    chosen = policy.model_copy(update={"digest": policy.digest.model_copy(update={"recipients": readers})})
    return build_digests(rt, store, RUN, DAY, chosen, NOTE, **more)


EVERY_READER = [
    (role, f"{role}@arrears.example", language, None)
    for role in ("manager", "legal", "auditor")
    for language in ("zh", "en")
]


def _lead(text):
    """Return what stands between the greeting and the first table."""
    return re.split(r"早上好。|Good morning\.", text)[1].split("==")[0]


@pytest.mark.parametrize("reader", [*EVERY_READER, ("collector", "wang@arrears.example", "zh", None)])
def test_at_most_seven_figures_stand_before_the_first_table(morning, rt, policy, reader):
    mail = _mails(morning, rt, policy, reader)[0]
    lead = re.sub(r"\d{4}-\d\d-\d\d", "", _lead(mail.text))
    assert 1 <= len(re.findall(r"\d[\d,.]*", lead)) <= 7


def test_a_manager_is_told_the_morning_in_plain_sentences(morning, rt, policy):
    lead = _lead(_mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0].text)
    assert "昨日回款 ¥4,000。" in lead
    assert "本月 4.3%（应到 26.7%）。" in lead
    assert "今天先打下面这些，最要紧的排在最前面。" in lead, "an eighth figure would be one too many"
    assert "2 笔承诺今天到期。" in lead
    assert "今天拦下 3 个不该打的电话。" in lead
    assert "本月 1 名保证人将脱保，涉及 ¥10万。" in lead


def test_before_the_first_working_day_of_a_month_is_over_a_manager_reads_what_the_last_one_came_to(
    morning, rt, policy, look
):
    with writing(morning) as connection:
        for day, collected in ((date(2026, 10, 29), 300), (date(2026, 10, 31), 431)):
            row = {"business_date": day, "currency": "CNY", "since": date(2026, 10, 1), "base_minor": 1_000,
                   "collected_minor": collected, "run_id": RUN}  # fmt: skip
            connection.execute(reports.recovery_day.insert().values(row))
    assert look(morning).recovered_before == 4310
    found = look(morning)
    found.__dict__["pace"] = kpi.pace(0, 1_000, 70, 0)
    assert "上月收回 43.1%（目标 70.0%）。" in opening(found, "manager", words("zh"), policy)
    found.__dict__["pace"] = kpi.pace(0, 1_000, 70, 500)
    assert "本月 0.0%（应到 3.5%）。" in opening(found, "manager", words("zh"), policy)


def test_a_manager_reads_how_many_to_call_first_where_seven_figures_leave_room(morning, rt, policy):
    mail = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", "华北"))[0]
    assert "今天先打这 1 个，最要紧的排在最前面。" in _lead(mail.text)
    assert "== 今天先打 ==\n- 电话 · 客户 钱** · 合同 A2, A3" in mail.text


FIRST_SCREEN = (
    "本月收回率", "按工作日应到", "本月目标", "逾期金额占比", "上季末逾期金额占比", "比上季末下降",
    "逾期超 30 天的本金", "承诺兑现率（近 90 天）", "昨天找到本人的比例", "昨天已办的联系", "今天计划的联系",
    "需要人处理", "今天为什么不联系",
)  # fmt: skip


def test_a_manager_finds_every_figure_of_the_morning_on_the_first_screen(morning, rt, policy):
    text = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0].text
    screen = text.partition("== 今天先打 ==")[0]
    assert [name for name in FIRST_SCREEN if name not in screen] == []
    assert "- 上季末逾期金额占比 · —" in screen, "what cannot be told yet is said, not left out"


def test_a_lawyer_reads_of_the_exceptions_only_what_the_legal_desk_settles(morning, rt, policy):
    figures = {"legal": "l@arrears.example", "manager": "m@arrears.example"}
    lines = {
        role: _mails(morning, rt, policy, (role, mail, "zh", None))[0].text.partition("== 需要人处理 ==")[2]
        for role, mail in figures.items()
    }
    assert "由谁处理 主管" in lines["manager"]
    assert "由谁处理 主管" not in lines["legal"]


def test_who_answers_a_question_is_named(morning, rt, policy):
    text = _mails(morning, rt, policy, ("legal", "l@arrears.example", "zh", None))[0].text
    assert "选定救济方式 · 委托单、材料或合同 A5 · 起始 2026-11-09 · 等谁答复 法务" in text


def test_a_packet_that_cannot_be_made_stands_behind_those_that_lack_something(morning, rt, policy, look):
    with writing(morning) as connection:
        connection.execute(
            legal.packet.update()
            .where(legal.packet.c.account_id == "A5")
            .values(state="incomplete", missing=[], reasons=["missing_glyph"])
        )
    assert [line.account_id for line in look(morning).packet_lines] == ["A6", "A5"]


def test_the_reasons_of_the_stopped_calls_are_told_apart_from_steps_that_only_come_later(morning, rt, policy, look):
    found = look(morning)
    assert "evidence_missing" in found.suppressed
    assert "evidence_missing" not in found.stopped_reasons
    text = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0].text
    assert "不该打的电话和上门共 3 个" in text


def test_whom_nobody_may_call_is_named_with_the_reason_unless_somebody_is_on_the_list(morning, rt, policy, look):
    with writing(morning) as connection:
        row = connection.execute(outreach.suppression.select()).mappings().first()
        held = {"account_id": "A5", "step": "borrower_call", "channel": "call", "reason": "hold_dispute"}
        connection.execute(outreach.suppression.insert().values({**row, **held}))
    found = look(morning)
    assert [line.account_id for line in found.spared] == ["A5"], "A3 and A6 have a stopped step, and a call on the list"
    text = _mails(morning, rt, policy, ("collector", "nobody@arrears.example", "zh", None))[0].text
    assert "== 今天不要打，也不要上门 ==\n- A5 · 客户 李** · 原因 暂停：有争议" in text


def test_who_paid_since_the_last_decided_day_is_told_with_what_is_left(morning, rt, policy, look):
    with writing(morning) as connection:
        before = date(2026, 11, 10)
        for row in connection.execute(decisions.decision.select()).mappings().all():
            more = {"A4": 500_00, "A5": 0, "A2": -1_00}.get(row["account_id"])
            if more is not None:
                earlier = {"business_date": before, "overdue_minor": row["overdue_minor"] + more}
                connection.execute(decisions.decision.insert().values({**row, **earlier}))
    found = look(morning)
    assert [(line.account_id, line.less_minor, line.left_minor) for line in found.paid_since] == [
        ("A4", 500_00, 6_000_00)
    ]


def test_a_reader_with_a_weekday_gets_the_morning_once_a_week_and_an_alarm_at_once(morning, rt, policy):
    readers = [
        Recipient(role="auditor", mail=f"{day}@arrears.example", language="zh", weekday=day) for day in range(1, 8)
    ]
    chosen = policy.model_copy(update={"digest": policy.digest.model_copy(update={"recipients": readers})})
    assert [mail.recipient for mail in build_digests(rt, morning, RUN, DAY, chosen, NOTE)] == ["4@arrears.example"]
    assert len(build_digests(rt, morning, RUN, DAY, chosen, NOTE, failure=True)) == 7
    assert "审计周报" in build_digests(rt, morning, RUN, DAY, chosen, NOTE)[0].text


def test_a_packet_whose_chosen_remedy_is_closed_does_not_wait_for_approval(morning, rt, policy):
    with writing(morning) as connection:
        connection.execute(
            update(legal.packet)
            .where(legal.packet.c.account_id == "A5")
            .values(state="draft", missing=[], reasons=["chosen_remedy_closed", "agency:recent_payment"],
                    chosen_remedy="agency")
        )  # fmt: skip
    text = _mails(morning, rt, policy, ("legal", "l@arrears.example", "zh", None))[0].text
    assert "已选的委托专业催收机构目前不可行（近期付过一整期），请改选" in text


def _order(account_id, state):
    return {"order_id": key("order", account_id), "order_no": f"RO-{account_id}", "account_id": account_id,
            "episode_due": date(2026, 8, 15), "kind": "recover", "ordinal": 1, "state": state, "proposed_on": DAY,
            "idempotency_key": key("idem", account_id), "imported": True, "run_id": RUN}  # fmt: skip


def test_what_a_line_says_of_its_order_agrees_with_the_orders_and_the_approvals(morning, rt, policy):
    complete = {"state": "ready", "missing": [], "open_remedies": ["terminate_and_recover"]}
    with writing(morning) as connection:
        connection.execute(update(legal.packet).values(**complete, chosen_remedy="terminate_and_recover"))
    reader = ("legal", "l@arrears.example", "zh", None)
    assert "材料齐备，已选定：解除合同并收回设备" in _mails(morning, rt, policy, reader)[0].text
    with writing(morning) as connection:
        insert_all(connection, repossession.repossession_order, [_order("A5", "acknowledged")])
    text = _mails(morning, rt, policy, reader)[0].text
    assert "材料齐备，委托拖车：对方已确认" in text
    assert "材料齐备，等待审批" not in text, "the only order is out already"


def test_a_stage_three_line_says_how_many_items_are_missing(morning, rt, policy):
    text = _mails(morning, rt, policy, ("legal", "l@arrears.example", "zh", None))[0].text
    assert "逾期3期 · 按第4级（诉讼与收车）处理 · 还差 2 项即可移交：上门记录、送达证明" in text
    assert "最近的一户还差 2 项即可移交。" in text


@pytest.mark.parametrize("reader", [*EVERY_READER, ("collector", "lee@arrears.example", "en", None)])
def test_a_mail_shows_no_codes_no_names_in_full_and_no_hashes(morning, rt, policy, reader):
    mail = _mails(morning, rt, policy, reader)[0]
    for shown in (re.sub(r"<[^>]+>", " ", mail.html), mail.text):
        body = shown.replace(NOTE.strip(), "").split("checkpoint" if reader[2] == "en" else "校验点")[0]
        assert not re.search(r"\b[a-z]+_[a-z_]+\b", body), re.findall(r"\b[a-z]+_[a-z_]+\b", body)
        assert not re.search(r"\b[0-9a-f]{16,}\b", body)
        assert not any(name in body for name in NAMES.values())
        assert "13800000000" not in body
        assert "13800" not in body


def test_text_from_the_store_is_escaped_and_the_checkpoint_closes_the_mail(morning, rt, policy):
    for mail in _mails(morning, rt, policy, *EVERY_READER):
        assert "<script" not in mail.html
        assert all(line in mail.html for line in NOTE.splitlines() if line)
        assert mail.html.rindex("arrears.example/log") > mail.html.rindex("<th scope")
        assert len(mail.html.encode()) <= 100_000
        kept = re.findall("<style.*?</style>", mail.html, re.DOTALL)
        assert len(kept) <= 1
        assert all("@media" in rule for rule in kept), "what a client may drop is only how columns become one"


def test_both_languages_say_the_same_numbers(morning, rt, policy):
    zh, en = _mails(
        morning, rt, policy, ("manager", "m@arrears.example", "zh", None), ("manager", "m@arrears.example", "en", None)
    )
    cells = [re.findall(r"(?<!\d)¥[\d,.]+\d{2}(?!\d)", mail.text.split("==", 1)[1]) for mail in (zh, en)]
    assert cells[0] == cells[1]
    assert cells[0]


def test_the_same_morning_gives_the_same_mail_and_keeps_it_under_a_hash(morning, rt, policy):
    once, twice = (_mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0] for _ in range(2))
    assert once == twice
    kept = Path(rt.settings.artifacts_url.removeprefix("file://")) / once.artefact
    assert kept.read_text("utf-8") == once.html
    assert re.fullmatch(r"digests/2026-11-12/[0-9a-f]{64}\.html", once.artefact)
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_a_failed_check_turns_the_mail_into_an_alarm_with_the_reason(morning, rt, policy):
    with writing(morning) as connection:
        insert_all(
            connection,
            runs.gate,
            [
                {
                    "run_id": RUN,
                    "name": "control_totals",
                    "passed": False,
                    "detail": "unpaid_due CNY: ledger 1, control 2",
                }
            ],
        )
    mail = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0]
    assert mail.kind == "held"
    assert mail.subject.startswith("【账本未通过核对】")
    assert "与财务总额一致" in mail.text
    assert "请财务核对后重新交付" in mail.text
    assert "unpaid_due" not in mail.text
    assert "今天到期的承诺" in mail.text
    assert mail.attachments == []


def test_an_overridden_check_is_a_morning_like_any_other_and_names_who_released_it(morning, rt, policy):
    with writing(morning) as connection:
        insert_all(
            connection,
            runs.gate,
            [{"run_id": RUN, "name": "rows", "passed": False, "detail": "x", "overridden_by": "S2"}],
        )
    mail = _mails(morning, rt, policy, ("auditor", "a@arrears.example", "en", None))[0]
    assert mail.kind == "morning"
    assert "failed, released by Lee" in mail.text


def test_the_auditor_is_told_when_what_users_did_in_airflow_was_not_collected(morning, rt, policy):
    readers = ("auditor", "a@arrears.example", "en", None), ("manager", "m@arrears.example", "en", None)
    assert ["not collected" in mail.text for mail in _mails(morning, rt, policy, *readers)] == [True, False]
    copy_actions(rt, morning, RUN, DAY, [])
    assert "not collected" not in _mails(morning, rt, policy, *readers)[0].text


def test_a_ledger_that_is_late_carries_over_the_last_lists_marked_stale(morning, rt, policy):
    later = date(2026, 11, 13)
    with writing(morning) as connection:
        row = dict(connection.execute(select(runs.run).where(runs.run.c.run_id == RUN)).one()._mapping)
        row |= {"run_id": "daily-2026-11-13-1", "origin_key": key("late"), "business_date": later, "snapshot_id": None}
        insert_all(connection, runs.run, [row])
    chosen = policy.model_copy(
        update={
            "digest": policy.digest.model_copy(
                update={"recipients": [Recipient(role="collector", mail="wang@arrears.example", language="zh")]}
            )
        }
    )
    mail = build_digests(rt, morning, "daily-2026-11-13-1", later, chosen, NOTE)[0]
    assert mail.kind == "held"
    assert mail.subject.startswith("【账本未到】")
    assert "今天的账本还没有到" in mail.text
    assert "沿用 2026-11-12 的账本" in mail.text
    assert "A2, A3" in mail.text


def told_of(store, account_id, party_id):
    """Somebody tells in the afternoon of the day what came of a call."""
    with writing(store) as connection:
        what = {"account_id": account_id, "party_id": party_id, "channel": "call", "outcome": "contacted"}
        insert_all(connection, feeds.outcome, [what | {"outcome_key": key(account_id), "at": "2026-11-12T07:00:00Z"}])


def test_what_was_worked_already_is_not_carried_over(morning, policy):
    with reading(morning) as connection:
        before = {task.accounts for task in tasks_of(connection, DAY, None, only_open=True)}
    told_of(morning, "A2", "P2")
    told_of(morning, "A3", "P2")
    with reading(morning) as connection:
        after = {task.accounts for task in tasks_of(connection, DAY, None, only_open=True)}
    assert before - after == {("A2", "A3")}
    assert after


def test_on_a_day_without_decisions_every_desk_finds_what_is_left_of_its_last_list_marked_with_its_day(
    morning, rt, policy
):
    later = date(2026, 11, 13)
    issued = {file.desk: file.contacts for file in write_worklists(rt, morning, RUN, DAY, policy)}
    told_of(morning, "A2", "P2")
    told_of(morning, "A3", "P2")
    carried = {file.desk: file for file in write_carried_over(rt, morning, later, policy)}
    left = {desk: file.contacts for desk, file in carried.items()}
    assert left == {desk: count for desk, count in (issued | {"S1": issued["S1"] - 1}).items() if count}
    root = Path(rt.settings.artifacts_url.removeprefix("file://"))
    file = carried["S2"]
    sheet = openpyxl.load_workbook(root / file.path).worksheets[0]
    scripts = [row[8].value for row in sheet.iter_rows(min_row=2) if row[0].value and row[8].value]
    assert scripts
    assert all(script.startswith("[Ledger of 2026-11-12: check for a payment before dialling]") for script in scripts)
    index = (root / file.path).with_name("index.html").read_text(encoding="utf-8")
    assert "Ledger of 2026-11-12" in index
    with reading(morning) as connection:
        assert kept_list(connection, rt.settings.artifacts_url, "S2", later, policy) == (root / file.path).read_bytes()
    assert write_carried_over(rt, morning, DAY, policy) == [], "that day was decided"


def test_a_run_that_broke_off_is_reported_without_any_of_its_tasks(store, rt, policy):
    with writing(store) as connection:
        _seed_run(connection, policy)
    mail = _mails(store, rt, policy, ("manager", "m@arrears.example", "en", None), failure=True)[0]
    assert mail.kind == "failed"
    assert "did not finish" in mail.text


def test_a_collector_reads_before_each_call_what_to_know(morning, rt, policy):
    text = _mails(morning, rt, policy, ("collector", "wang@arrears.example", "zh", None))[0].text
    lines = text.partition("== 今天先打 ==")[2].partition("==")[0].strip().splitlines()
    assert [line.partition("要点 ")[2] for line in lines] == [
        "逾期 12 天 · 11-11 承诺还款 · 承诺兑现 2 次、未兑现 0 次"
    ]


def test_a_collector_sees_only_their_own_list(morning, rt, policy):
    mail = _mails(morning, rt, policy, ("collector", "wang@arrears.example", "zh", None))[0]
    assert "今天先打这 1 个" in mail.text
    assert "1 笔承诺今天到期" in mail.text
    assert "今天拦下 1 个不该打的电话" in mail.text
    assert "A2, A3" in mail.text
    assert "A4" not in mail.text
    assert "全部分公司" not in mail.text
    assert "王催的清单" in mail.text


def test_who_owes_beside_the_borrower_is_marked_in_mail_and_list(morning, rt, policy):
    with writing(morning) as connection:
        tied = people.account_party.c.party_id == "P2"
        connection.execute(update(people.account_party).where(tied).values(role="co_borrower"))
    mail = _mails(morning, rt, policy, ("collector", "wang@arrears.example", "zh", None))[0]
    assert "钱**（共同承租人）" in mail.text
    file = next(f for f in write_worklists(rt, morning, RUN, DAY, policy) if f.desk == "S1")
    assert "钱二（共同承租人）" in [cell.value for row in _sheet(rt, file) for cell in row]


def test_an_auditor_is_told_also_what_there_was_none_of_and_how_to_check(morning, rt, policy):
    mail = _mails(morning, rt, policy, ("auditor", "a@arrears.example", "en", None))[0]
    assert "No check was overridden by a person." in mail.text
    assert "No message is in doubt." not in mail.text, "one is"
    assert "arrears verify --against FILE" in mail.text
    assert "Delivery" in mail.text


def test_the_newest_assignment_decides_whose_account_it_is(morning, rt, policy, look):
    with writing(morning) as connection:
        for day, staff in [(date(2026, 10, 1), "S2"), (date(2026, 11, 1), "S1"), (date(2026, 12, 1), "S2")]:
            insert_all(connection, feeds.assignment, [{"account_id": "A4", "from_on": day, "staff_id": staff}])
    assert look(morning, staff_id="S1").promises_due_count == 2
    assert look(morning, staff_id="S2").promises_due_count == 0


def test_the_same_delivery_and_reader_have_one_key_and_a_new_delivery_another(morning, rt, policy):
    reader = ("manager", "m@arrears.example", "zh", None)
    first = _mails(morning, rt, policy, reader)[0]
    other = _mails(morning, rt, policy, ("manager", "n@arrears.example", "zh", None))[0]
    with writing(morning) as connection:
        connection.execute(feeds.snapshot.update().values(delivery_no=2))
    again = _mails(morning, rt, policy, reader)[0]
    assert len({first.digest_key, other.digest_key, again.digest_key}) == 3
    assert _mails(morning, rt, policy, ("manager", "M@arrears.example", "zh", None))[0].digest_key == again.digest_key


def test_the_store_keeps_one_row_a_digest(morning, rt, policy):
    mail = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0]
    row = {"digest_key": mail.digest_key, "business_date": mail.business_date, "delivery_no": mail.delivery_no,
           "recipient_sha256": mail.recipient_sha256, "role": mail.role, "language": mail.language,
           "branch": mail.branch, "kind": mail.kind, "run_id": RUN, "html_sha256": mail.html_sha256,
           "artefact": mail.artefact, "state": "planned", "planned_at": AT}  # fmt: skip
    with writing(morning) as connection:
        assert insert_new(connection, digest_sent, [row]) == 1
        assert insert_new(connection, digest_sent, [row]) == 0


@pytest.mark.real
def test_postgresql_gives_the_same_figures_and_lists(morning, postgres_store, rt, policy, look):
    with writing(postgres_store) as connection:
        _seed_run(connection, policy)
        _seed_accounts(connection)
        _seed_decisions(connection, policy)
        _seed_contacts(connection)
        _seed_cases(connection)
    for branch, staff in [(None, None), ("华北", None), (None, "S1")]:
        found = [look(engine, branch, staff_id=staff) for engine in (morning, postgres_store)]
        names = [name for name in dir(Figures) if not name.startswith("_")]
        assert len(names) > 30
        for name in names:
            assert getattr(found[0], name) == getattr(found[1], name), name
    lists = [write_worklists(rt, engine, RUN, DAY, policy) for engine in (morning, postgres_store)]
    assert lists[0] == lists[1]


# --- work lists ---


def _sheet(rt, file):
    path = Path(rt.settings.artifacts_url.removeprefix("file://")) / file.path
    return openpyxl.load_workbook(path)[words(file.language)("sheet.list")]


def test_each_desk_gets_its_list_in_its_language_under_a_hash(morning, rt, policy):
    files = {file.desk: file for file in write_worklists(rt, morning, RUN, DAY, policy)}
    assert {desk: (f.rows, f.contacts, f.language) for desk, f in files.items()} == {
        "": (1, 1, "zh"),
        "S1": (2, 1, "zh"),
        "S2": (1, 1, "en"),
        "legal": (1, 1, "zh"),
    }
    assert all(re.fullmatch(r"worklists/2026-11-12/(en/)?[0-9a-f]{64}\.xlsx", file.path) for file in files.values())


def test_the_folder_of_lists_opens_with_a_page_that_says_whose_is_which(morning, rt, policy):
    files = write_worklists(rt, morning, RUN, DAY, policy)
    folder = Path(rt.settings.artifacts_url.removeprefix("file://")) / "worklists" / DAY.isoformat()
    pages = "".join(page.read_text("utf-8") for page in folder.rglob("index.html"))
    assert all(Path(file.path).name in pages for file in files)
    assert ">法务</a>" in pages
    assert not any(name in pages for name in NAMES.values()), "names of customers stay inside the lists"


def test_writing_the_lists_again_gives_the_same_bytes(morning, rt, policy):
    assert write_worklists(rt, morning, RUN, DAY, policy) == write_worklists(rt, morning, RUN, DAY, policy)


def test_the_contracts_of_a_customer_stand_together_with_their_total_once(morning, rt, policy):
    file = next(f for f in write_worklists(rt, morning, RUN, DAY, policy) if f.desk == "S1")
    head, *rows = [[cell.value for cell in row] for row in _sheet(rt, file).iter_rows()]
    lines = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(line["合同"], line["金额"]) for line in lines] == [("A2", 1_000), ("A3", 2_000)]
    assert [line["本人合计"] for line in lines] == [3_000, None]
    assert lines[0]["客户"] == "钱二"
    assert lines[0]["上次结果"] == "2026-11-11\n承诺还款"
    assert lines[0]["渠道"] == "电话"
    assert "核实本人" in lines[0]["话术/要点"]


def test_no_cell_made_from_data_is_a_formula_or_a_link(morning, rt, policy):
    for file in write_worklists(rt, morning, RUN, DAY, policy):
        sheet = _sheet(rt, file)
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f" or cell.hyperlink]
    assert EVIL in [cell.value for row in _sheet(rt, file).iter_rows() for cell in row] or file.desk != ""


def test_choices_fit_the_channel_and_the_head_stays_in_sight(morning, rt, policy):
    file = next(f for f in write_worklists(rt, morning, RUN, DAY, policy) if f.desk == "S2")
    sheet = _sheet(rt, file)
    lists = [rule.formula1 for rule in sheet.data_validations.dataValidation if rule.type == "list"]
    assert any("met on visit" in choices for choices in lists)
    assert not any("no answer" in choices for choices in lists)
    assert all(len(choices) <= 257 for choices in lists)
    assert sheet.freeze_panes == "C2"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.page_setup.orientation == "landscape"


@pytest.mark.parametrize(("desk", "language"), [("S1", "zh"), ("S2", "en")])
def test_the_header_of_a_list_is_the_mapping_back_to_the_outcomes_feed(morning, rt, policy, desk, language):
    file = next(f for f in write_worklists(rt, morning, RUN, DAY, policy) if f.desk == desk)
    header = [cell.value for cell in next(_sheet(rt, file).iter_rows())]
    assert language_of_header(header) == language
    dialect = outcome_dialect(language, policy.time_zone)
    assert set(dialect["columns"]) <= set(header)
    assert {
        "account_id",
        "party_id",
        "channel",
        "at",
        "outcome",
        "promised_amount",
        "promised_on",
        "reason",
        "next_action_on",
        "staff_id",
        "note",
        "willingness",
        "ability",
    } == set(dialect["columns"].values())
    for words_to_codes, codes in zip(
        (dialect["values"]["outcome"], dialect["values"]["reason"]), (feeds.OUTCOMES, feeds.REASONS), strict=True
    ):
        assert sorted(words_to_codes.values()) == sorted(codes)
    assert language_of_header(["account_id", "outcome"]) is None


def test_what_is_posted_shows_the_address_and_not_a_telephone():
    who = ("legal", "A1", "P1", "赵一", "13800000000", "某市某路 1 号")
    what = ("borrower", "serious", 1, 100, 100, "CNY", "三一 SY215", None, None, "good_faith")
    for channel in ("credit_notice", "letter"):
        book = list_sheet([Row(*who, channel, *what)], "t", DAY, words("zh"))
        cells = [cell.value for cell in openpyxl.load_workbook(io.BytesIO(book)).worksheets[0][2]]
        assert ("某市某路 1 号" in cells, "13800000000" in cells) == (True, False), channel


def test_a_filled_list_is_read_back_and_untouched_rows_are_left_alone(morning, rt, policy):
    file = next(f for f in write_worklists(rt, morning, RUN, DAY, policy) if f.desk == "S1")
    path = Path(rt.settings.artifacts_url.removeprefix("file://")) / file.path
    book = openpyxl.load_workbook(path)
    sheet = book["清单"]
    place = {cell.value: cell.column for cell in next(sheet.iter_rows())}
    filled = {
        "联系时间": datetime.fromisoformat("2026-11-12T09:40:00"),
        "结果": "承诺还款",
        "原因": "资金周转",
        "承诺金额": 500.5,
        "承诺日期": datetime.fromisoformat("2026-11-20"),
        "下次跟进": datetime.fromisoformat("2026-11-21"),
        "备注": "=1+1 说好先还一半",
    }
    for head, value in filled.items():
        sheet.cell(2, place[head], value)
    sheet.cell(2, place["备注"]).data_type = "s"
    book.save(path)
    delivery = import_feed(rt, morning, RUN, "outcomes", path, DAY)
    assert (delivery.accepted, delivery.quarantined) == (1, 0)
    with morning.connect() as connection:
        rows = connection.execute(select(feeds.outcome).where(feeds.outcome.c.at == "2026-11-12T01:40:00Z")).all()
    assert len(rows) == 1
    assert (rows[0].account_id, rows[0].party_id, rows[0].channel, rows[0].staff_id) == ("A2", "P2", "call", "S1")
    assert (rows[0].outcome, rows[0].reason, rows[0].promised_amount_minor) == ("promised", "cash_flow", 500_50)
    assert (rows[0].promised_on, rows[0].next_action_on) == (date(2026, 11, 20), date(2026, 11, 21))


def test_a_row_filled_in_by_halves_comes_back_as_a_fault(morning, rt, policy):
    file = next(f for f in write_worklists(rt, morning, RUN, DAY, policy) if f.desk == "S1")
    path = Path(rt.settings.artifacts_url.removeprefix("file://")) / file.path
    book = openpyxl.load_workbook(path)
    sheet = book["清单"]
    place = {cell.value: cell.column for cell in next(sheet.iter_rows())}
    sheet.cell(3, place["备注"], "忘了写结果")
    book.save(path)
    delivery = import_feed(rt, morning, RUN, "outcomes", path, DAY)
    assert (delivery.accepted, delivery.quarantined) == (0, 1)


def test_the_list_in_a_managers_mail_is_masked(morning, rt, policy):
    mail = _mails(morning, rt, policy, ("manager", "m@arrears.example", "zh", None))[0]
    sheet = openpyxl.load_workbook(io.BytesIO(mail.attachments[0].content))["清单"]
    values = [str(cell.value) for row in sheet.iter_rows() for cell in row]
    assert "钱**" in values
    assert not set(NAMES.values()) & set(values)
    assert not any("13800000000" in value or "某路" in value for value in values)
    assert sheet.max_row == 6
