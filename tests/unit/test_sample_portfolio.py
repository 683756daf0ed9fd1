"""The sample portfolio, counted from its CSV files by plain means: nothing here uses the rulebook or the ledger."""

import csv
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

import pytest

from arrears.core.errors import BadArguments
from arrears.rehearsal.people import UNPRINTABLE
from arrears.rehearsal.portfolio import sample_feeds, write_sample
from arrears.store.tables import feeds as feed_tables

ON = date(2026, 11, 12)
FOR_COURT = {
    "contract", "delivery_note", "invoice", "registration", "service_address_confirmation", "lawyers_letter",
    "proof_of_service", "visit_report", "valuation", "insurance", "power_of_attorney",
}  # fmt: skip


class Sample:
    """The files read back, with bad rows set apart by the simplest possible look at them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw: dict[str, list[list[str]]] = {}
        self.rows: dict[str, list[dict[str, str]]] = {}
        for path in sorted(folder.glob("*.csv")):
            with path.open(newline="", encoding="utf-8") as handle:
                header, *body = csv.reader(handle)
            self.raw[path.stem] = body
            self.rows[path.stem] = [
                dict(zip(header, cells, strict=True)) for cells in body if len(cells) == len(header)
            ]
        self.open_accounts = {row["account_id"]: row for row in self.rows["accounts"] if not row["closed_on"]}
        self.schedule = self._schedule()
        self.rows["payments"] = [row for row in self.rows["payments"] if "," not in row["amount"]]
        self.payments = self.by_account("payments")

    def by_account(self, feed: str) -> dict[str, list[dict[str, str]]]:
        found = defaultdict(list)
        for row in self.rows[feed]:
            found[row["account_id"]].append(row)
        return found

    def _schedule(self) -> dict[str, list[tuple[date, Decimal]]]:
        found: dict[str, dict[int, tuple[date, Decimal]]] = defaultdict(dict)
        for row in self.rows["instalments"]:
            try:
                due, amount = date.fromisoformat(row["due_date"]), Decimal(row["amount_due"])
            except (ValueError, InvalidOperation):
                continue
            if amount < 10**9:
                found[row["account_id"]].setdefault(int(row["instalment_no"]), (due, amount))
        return {account: [found[account][number] for number in sorted(found[account])] for account in found}

    def unpaid(self, account: str) -> list[date]:
        """Return the due dates before the business date that the money received does not cover, oldest first."""
        pool = max(Decimal(0), sum((Decimal(row["amount"]) for row in self.payments[account]), Decimal(0)))
        late = []
        for due, amount in self.schedule[account]:
            pool -= amount
            if due < ON and pool < 0:
                late.append(due)
        return late


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Sample:
    folder = tmp_path_factory.mktemp("home") / "feeds"
    write_sample(folder, on=ON)
    return Sample(folder)


@pytest.fixture(scope="module")
def stages(sample) -> dict[str, int]:
    return {account: min(3, len(sample.unpaid(account))) for account in sample.open_accounts}


@pytest.fixture(scope="module")
def unlocked(sample) -> dict[str, int]:
    """Return the rung that the record of each overdue account opens, by a second reading of the policy."""
    outcomes, documents, parties = (sample.by_account(feed) for feed in ("outcomes", "documents", "parties"))
    found = {}
    for account in sample.open_accounts:
        late = sample.unpaid(account)
        if not late:
            continue
        told = [row for row in outcomes[account] if row["at"][:10] >= late[0].isoformat()]
        people = {row["party_id"]: row["role"] for row in parties[account]}
        found[account] = _rung(told, documents[account], people)
    return found


def _rung(told: list[dict[str, str]], documents: list[dict[str, str]], people: dict[str, str]) -> int:
    if not any(row["outcome"] in ("delivered", "contacted") and people[row["party_id"]] == "borrower" for row in told):
        return 1
    calls = [row for row in told if row["channel"] == "call"]
    to_borrower = {row["at"][:10] for row in calls if people[row["party_id"]] == "borrower"}
    reached = {row["party_id"] for row in calls}
    guarantors = {party for party, role in people.items() if role == "guarantor"}
    if len([row for row in calls if people[row["party_id"]] == "borrower"]) < 3 or len(to_borrower) < 2:
        return 2
    if not guarantors <= reached:
        return 2
    days = sorted(row["at"][:10] for row in told)
    wide = len(told) >= 6 and len({row["channel"] for row in told}) >= 2
    span = (date.fromisoformat(days[-1]) - date.fromisoformat(days[0])).days >= 15
    kinds = {
        row["kind"] for row in documents if row["confirmed_by"] and row["second_confirmed_by"] != row["confirmed_by"]
    }
    met = [row for row in told if row["outcome"] == "visit_met" and "visit_report" in kinds]
    failed = [row for row in told if row["outcome"] == "visit_not_met" and "photo" in kinds]
    served = [
        row for row in documents
        if row["kind"] == "lawyers_letter" and row["service_result"] in ("arrived", "refused", "returned")
        and (ON - date.fromisoformat(row["served_on"])).days >= 10
    ]  # fmt: skip
    proven = bool(served) and {"lawyers_letter", "proof_of_service"} <= kinds
    return 4 if wide and span and (met or len(failed) >= 2) and proven else 3


def _ready(sample: Sample, account: str) -> bool:
    """Say whether the file of an account lacks nothing for a recovery."""
    documents, parties = sample.by_account("documents")[account], sample.by_account("parties")[account]
    guarantors = {row["party_id"] for row in parties if row["role"] == "guarantor"}
    kinds = {row["kind"] for row in documents}
    promised = {row["party_id"] for row in documents if row["kind"] == "guarantee_contract"}
    newest = max((row["at"] for row in sample.by_account("locations")[account]), default="")
    instalment = sample.schedule[account][0][1]
    recent = [
        row for row in sample.payments[account]
        if Decimal(row["amount"]) >= instalment and (ON - date.fromisoformat(row["paid_on"])).days <= 30
    ]  # fmt: skip
    asset = sample.open_accounts[account]
    return (
        kinds >= FOR_COURT and guarantors <= promised and newest > (ON - timedelta(days=3)).isoformat() and not recent
        and all(asset[name] for name in ("asset_serial", "engine_no", "asset_make", "asset_model", "asset_value"))
        and not sample.by_account("holds")[account]
    )  # fmt: skip


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_arguments_write_the_same_bytes(tmp_path, sample):
    write_sample(tmp_path / "again", on=ON)
    assert bytes_of(tmp_path / "again") == bytes_of(sample.folder)


def test_another_seed_writes_other_people_and_other_money(tmp_path):
    for seed in (7, 8):
        write_sample(tmp_path / str(seed), on=ON, seed=seed, accounts=40)
    one, other = bytes_of(tmp_path / "7"), bytes_of(tmp_path / "8")
    assert one["payments.csv"] != other["payments.csv"]
    assert one["parties.csv"] != other["parties.csv"]


def test_a_second_request_for_the_days_feeds_writes_nothing(tmp_path):
    folder = sample_feeds(tmp_path, ON)
    (folder / "accounts.csv").write_text("kept", encoding="utf-8")
    assert sample_feeds(tmp_path, ON) == folder
    assert (folder / "accounts.csv").read_text(encoding="utf-8") == "kept"
    assert [path.name for path in folder.parent.iterdir()] == [ON.isoformat()]


def test_a_handful_of_accounts_is_refused(tmp_path):
    with pytest.raises(BadArguments, match="at least"):
        write_sample(tmp_path / "few", on=ON, accounts=5)


@pytest.mark.parametrize("accounts", [20, 61, 120])
def test_every_size_has_as_many_accounts_as_asked_for(tmp_path, accounts):
    write_sample(tmp_path / "any", on=ON, accounts=accounts)
    other = Sample(tmp_path / "any")
    assert len(other.rows["accounts"]) == accounts
    assert max(len(other.unpaid(account)) for account in other.open_accounts) >= 3


def test_every_date_has_a_sample_with_all_stages(tmp_path):
    for day in (date(2026, 1, 31), date(2027, 3, 1)):
        write_sample(tmp_path / day.isoformat(), on=day, accounts=60)
        paid = Sample(tmp_path / day.isoformat()).rows["payments"]
        assert max(row["paid_on"] for row in paid) < day.isoformat()


def test_most_accounts_perform_and_each_stage_has_its_share(stages):
    share = {stage: 100 * count / len(stages) for stage, count in Counter(stages.values()).items()}
    assert share[0] == pytest.approx(72, abs=3)
    assert share[1] == pytest.approx(12, abs=2)
    assert share[2] == pytest.approx(7, abs=2)
    assert share[3] == pytest.approx(9, abs=2)


def months(sample: Sample, account: str) -> list[int]:
    """Return how many instalments were overdue on the eve of each due date."""
    states = []
    dues = sample.schedule[account]
    for number in range(1, len(dues)):
        eve = dues[number][0]
        if eve >= ON:
            break
        pool = sum(Decimal(row["amount"]) for row in sample.payments[account] if row["paid_on"] < eve.isoformat())
        left = [pool := pool - amount for _, amount in dues[:number]]
        states.append(sum(rest < 0 for rest in left))
    return states


def test_accounts_roll_from_month_to_month_as_real_ones_do(sample):
    moves: dict[int, Counter[int]] = defaultdict(Counter)
    for account in sample.open_accounts:
        states = months(sample, account)
        for before, after in pairwise(states):
            moves[before][after] += 1
    rate = {(a, b): 100 * moves[a][b] / moves[a].total() for a in moves for b in moves[a]}
    assert 3 <= rate[0, 1] <= 7
    assert 20 <= rate[1, 0] <= 40
    assert 10 <= rate[1, 2] <= 30


def test_many_performing_customers_owe_the_instalment_of_the_fifteenth(sample, stages):
    owing = 0
    for account, stage in stages.items():
        paid = sum(Decimal(row["amount"]) for row in sample.payments[account])
        asked = sum(amount for due, amount in sample.schedule[account] if due <= date(2026, 11, 15))
        owing += stage == 0 and paid < asked and date(2026, 11, 15) in {due for due, _ in sample.schedule[account]}
    assert owing >= 100


def test_the_first_morning_treats_accounts_on_every_rung(stages, unlocked):
    treated = Counter(min(stages[account] + 1, unlocked[account]) for account in unlocked)
    assert treated[1] >= 5
    assert treated[2] >= 15
    assert treated[3] >= 15
    assert treated[4] >= 8


def test_some_accounts_are_held_back_because_evidence_is_missing(stages, unlocked):
    waiting = [account for account in unlocked if unlocked[account] < stages[account] + 1]
    assert {stages[account] for account in waiting} == {1, 2, 3}


def test_at_least_four_files_are_ready_with_a_remedy_chosen_by_a_lawyer(sample, stages, unlocked):
    lawyers = {row["staff_id"] for row in sample.rows["staff"] if row["roles"] == "legal"}
    chosen = {
        row["account_id"] for row in sample.rows["cases"]
        if (row["kind"], row["state"], row["remedy"]) == ("remedy", "chosen", "terminate_and_recover")
        and row["staff_id"] in lawyers
    }  # fmt: skip
    ready = [
        account for account in sorted(chosen)
        if stages.get(account) == 3 and unlocked[account] == 4 and _ready(sample, account)
    ]  # fmt: skip
    assert len(ready) >= 4
    for account in ready:
        assert sample.open_accounts[account]["contract_type"] == "finance_lease"


def test_some_stage_three_files_lack_a_document_and_stay_drafts(sample, stages, unlocked):
    lacking = [
        account for account, stage in stages.items()
        if stage == 3 and unlocked[account] == 4 and not _ready(sample, account)
    ]  # fmt: skip
    assert len(lacking) >= 3


def test_one_complete_file_is_under_a_hard_hold(sample, stages, unlocked):
    disputed = {row["account_id"] for row in sample.rows["holds"] if row["kind"] == "dispute"}
    assert [account for account in disputed if stages[account] == 3 and unlocked[account] == 4]


def test_one_borrower_at_stage_three_has_a_name_the_packed_fonts_cannot_draw(sample, stages):
    strange = [row["account_id"] for row in sample.rows["parties"] if UNPRINTABLE in row["name"]]
    assert len(strange) == 1
    assert stages[strange[0]] == 3


def test_an_order_handed_off_before_go_live_meets_a_payment_that_must_recall_it(sample, stages):
    (order,) = [row for row in sample.rows["opening"] if row["kind"] == "order_handed_off"]
    assert order["at"] < (ON - timedelta(days=3)).isoformat()
    assert order["attested_by"] != order["second_attested_by"]
    assert order["agency_id"] in {row["agency_id"] for row in sample.rows["agencies"]}
    late = [
        row for row in sample.payments[order["account_id"]] if row["paid_on"] >= (ON - timedelta(days=1)).isoformat()
    ]
    assert late
    assert Decimal(late[0]["amount"]) >= sample.schedule[order["account_id"]][0][1]
    assert stages[order["account_id"]] == 0


def test_bad_rows_are_fewer_than_one_in_a_hundred_in_every_feed(sample):
    accounts = {row["account_id"] for row in sample.rows["accounts"]}
    bad = Counter()
    seen = set()
    for cells in sample.raw["instalments"]:
        key, broken = tuple(cells[:2]), "E" in cells[3] or cells[2].endswith("02-30")
        bad["instalments"] += broken or key in seen
        seen.add(key)
    for cells in sample.raw["payments"]:
        bad["payments"] += len(cells) != 5 or cells[1] not in accounts or "," in cells[3]
    bad["outcomes"] = sum(row["outcome"] not in feed_tables.OUTCOMES for row in sample.rows["outcomes"])
    assert bad == {"instalments": 3, "payments": 3, "outcomes": 1}
    assert all(count * 100 < len(sample.raw[feed]) for feed, count in bad.items())


@pytest.mark.parametrize(
    ("feed", "column", "allowed"),
    [
        ("accounts", "contract_type", feed_tables.CONTRACT_TYPES),
        ("outcomes", "channel", feed_tables.CHANNELS),
        ("outcomes", "reason", ("", *feed_tables.REASONS)),
        ("documents", "kind", feed_tables.DOCUMENT_KINDS),
        ("documents", "service_result", ("", *feed_tables.SERVICE_RESULTS)),
        ("locations", "site_type", feed_tables.SITE_TYPES),
        ("cases", "kind", feed_tables.CASE_KINDS),
        ("controls", "kind", feed_tables.CONTROL_KINDS),
        ("opening", "kind", feed_tables.OPENING_KINDS),
        ("schedule_changes", "kind", feed_tables.SCHEDULE_CHANGES),
    ],
)
def test_every_other_word_is_one_the_feeds_know(sample, feed, column, allowed):
    assert {row[column] for row in sample.rows[feed]} <= set(allowed)


def test_nobody_in_the_sample_can_be_a_real_person(sample):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    for row in sample.rows["parties"]:
        assert row["mobile"].startswith("+861990000")
        assert row["email"] == "" or row["email"].endswith(".example")
        assert row["address"].startswith("示例省")
        total = sum(int(digit) * weight for digit, weight in zip(row["id_no"][:17], weights, strict=True))
        assert row["id_no"].startswith("99")
        assert "10X98765432"[total % 11] != row["id_no"][17]
    assert all(row["mail"].endswith("@arrears.example") for row in sample.rows["staff"])


def test_a_person_is_the_same_over_all_their_contracts(sample):
    personal = ("name", "language", "mobile", "email", "address", "service_address", "id_no", "opt_outs")
    known: dict[str, tuple[str, ...]] = {}
    held: dict[str, set[str]] = defaultdict(set)
    for row in sample.rows["parties"]:
        assert known.setdefault(row["party_id"], tuple(row[name] for name in personal)) == tuple(
            row[name] for name in personal
        )
        if row["role"] == "borrower":
            held[row["party_id"]].add(row["account_id"])
    sizes = Counter(len(accounts) for accounts in held.values() if len(accounts) > 1)
    assert sizes[5] == 1
    assert sum(sizes.values()) >= 10


def test_people_speak_two_languages_and_some_names_are_rare(sample):
    people = {row["party_id"]: row for row in sample.rows["parties"]}.values()
    assert sum(row["language"] == "en" for row in people) >= 10
    assert {"喆", "䶮"} <= set("".join(row["name"] for row in people))


def test_every_account_has_exactly_one_borrower_and_most_machines_a_guarantor(sample):
    roles = Counter((row["account_id"], row["role"]) for row in sample.rows["parties"])
    assert all(roles[account, "borrower"] == 1 for account in sample.open_accounts)
    assert sum(roles[account, "guarantor"] > 0 for account in sample.open_accounts) * 2 > len(sample.open_accounts)


def test_two_people_may_approve_in_rehearsal_and_one_collector_may_not_call(sample):
    approvers = {row["staff_id"]: row["roles"] for row in sample.rows["staff"] if "rehearsal_approver" in row["skills"]}
    assert approvers == {"REH-LEGAL": "legal", "REH-RISK": "risk"}
    expired = [row for row in sample.rows["staff"] if row["certificate_until"] < ON.isoformat()]
    assert [row["roles"] for row in expired] == ["collector"]
    roles = {row["roles"] for row in sample.rows["staff"]}
    assert roles == {"collector", "field", "supervisor", "legal", "risk", "finance", "manager", "auditor"}


def test_two_towing_firms_are_in_order_and_the_licence_of_a_third_ran_out(sample):
    assert sorted(row["licence_until"] >= ON.isoformat() for row in sample.rows["agencies"]) == [False, True, True]


def test_the_record_goes_back_four_months_and_ends_before_today(sample):
    days = [row["at"][:10] for row in sample.rows["outcomes"] if row["outcome"] in feed_tables.OUTCOMES]
    assert min(days) <= (ON - timedelta(days=120)).isoformat()
    assert max(days) < ON.isoformat()


def test_no_past_contact_broke_the_contact_hours(sample):
    for row in sample.rows["outcomes"]:
        hour = int(row["at"][11:13]) + 8
        assert 9 <= hour < 20


def test_every_assignment_and_choice_names_a_known_member_of_staff(sample):
    staff = {row["staff_id"] for row in sample.rows["staff"]}
    named = {row["staff_id"] for feed in ("assignments", "cases", "outcomes") for row in sample.rows[feed]}
    named |= {row[name] for row in sample.rows["documents"] for name in ("confirmed_by", "second_confirmed_by")}
    assert named - {""} <= staff
