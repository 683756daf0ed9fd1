"""One day of customers who signed, promised or were sued, beside one who did nothing of the kind."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from arrears.ladder.layers import load_policy
from arrears.reports.control import exceptions_of
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision, verdict
from arrears.store.tables.feeds import plan, promise
from arrears.store.tables.outreach import contact, item, suppression

DAY = date(2026, 11, 12)
PLANS = "account_id,signed_on,first_due_on,instalments,amount_each,approved_by\n"
PROMISES = "account_id,made_on,due_on,amount,withdrawn_on\n"
CASES = "account_id,case_id,kind,state,at\n"


@pytest.fixture(scope="module")
def day(tmp_path_factory, new_place):
    """K1 keeps a plan, K2 broke one, K3's was never approved; K4 took a promise back; K6 is in court, K7 was."""
    place = new_place(tmp_path_factory.mktemp("agreements"))
    signed = "2026-10-20,2026-11-04,3,500.00"
    place.write("plans.csv", f"{PLANS}K1,{signed},S-1\nK2,{signed},S-1\nK3,{signed},\n")
    paid = [row for row in place.rows("payments.csv") if row.split(",")[1] not in ("K4", "K5", "K6", "K7")]
    place.write("payments.csv", "\n".join([*paid, "Y-K1-plan,K1,2026-11-04,500.00"]) + "\n")
    place.write(
        "promises.csv", f"{PROMISES}K4,2026-11-09,2026-11-16,900.00,2026-11-11\nK8,2026-11-09,2026-11-16,900.00,\n"
    )
    place.write("cases.csv", f"{CASES}K6,C1,suit,filed,2026-10-01T02:00:00Z\nK7,C2,suit,filed,2026-09-01T02:00:00Z\n"
                             "K7,C2,suit,settled,2026-10-01T02:00:00Z\n")  # fmt: skip
    assert place.run(DAY).code == 0
    return place


def planned(place, account: str) -> set[str]:
    with reading(place.store) as connection:
        query = select(item.c.step).where(item.c.account_id == account, item.c.business_date == DAY)
        return set(connection.execute(query).scalars())


def reasons(place, account: str) -> set[str]:
    with reading(place.store) as connection:
        return set(
            connection.execute(select(suppression.c.reason).where(suppression.c.account_id == account)).scalars()
        )


def states(place) -> dict[str, tuple[str, str | None]]:
    with reading(place.store) as connection:
        return {row.account_id: (row.state, row.state_reason) for row in connection.execute(select(plan))}


def test_a_kept_plan_is_quiet_a_broken_one_is_at_an_end_and_an_unapproved_one_never_began(day):
    assert states(day) == {"K1": ("active", None), "K2": ("broken", None), "K3": ("refused", "not_approved")}
    assert not planned(day, "K1")
    assert "hold_plan" in reasons(day, "K1")
    assert "arrears_sms" in planned(day, "K2") & planned(day, "K3") & planned(day, "K5")


def test_an_instalment_of_a_kept_plan_is_reminded_of_the_day_before_unless_it_has_come(place):
    signed = "2026-10-20,2026-11-13,3,500.00,S-1"
    place.write("plans.csv", f"{PLANS}K1,{signed}\nK2,{signed}\n")
    place.write("payments.csv", "\n".join([*place.rows("payments.csv"), "Y-K2-plan,K2,2026-11-10,500.00"]) + "\n")
    assert place.run(DAY).code == 0
    assert states(place) == {"K1": ("active", None), "K2": ("active", None)}
    assert (planned(place, "K1"), planned(place, "K2")) == ({"promise_reminder"}, set())
    assert "hold_plan" in reasons(place, "K1") & reasons(place, "K2")


def test_a_reminder_of_a_plan_that_the_office_also_wrote_down_as_a_hold_is_no_contact_under_a_hold(place):
    place.write("plans.csv", f"{PLANS}K1,2026-10-20,2026-11-13,3,500.00,S-1\n")
    place.write("holds.csv", "account_id,kind,from_on\nK1,plan,2026-10-21\nK2,plan,2026-10-21\n")
    assert place.run(DAY).code == 0
    assert (planned(place, "K1"), planned(place, "K2")) == ({"promise_reminder"}, set())
    with reading(place.store) as connection:
        assert set(connection.execute(select(contact.c.state).where(contact.c.party_id == "PK1")).scalars()) == {"sent"}
    assert place.call("prove").code == 0


def test_a_part_of_a_plans_instalment_is_taken_off_its_reminder_and_within_the_grace_nobody_is_dunned(place):
    place.write("plans.csv", f"{PLANS}K1,2026-10-20,2026-11-13,3,500.00,S-1\nK2,2026-10-20,2026-11-11,3,500.00,S-1\n")
    paid = ["Y-K1-plan,K1,2026-11-10,200.00", "Y-K2-plan,K2,2026-11-11,300.00"]
    place.write("payments.csv", "\n".join([*place.rows("payments.csv"), *paid]) + "\n")
    assert place.run(DAY).code == 0
    assert states(place) == {"K1": ("active", None), "K2": ("active", None)}
    with reading(place.store) as connection:
        reminded = connection.execute(select(item.c.account_id, item.c.step, item.c.amount_minor)).all()
    assert [tuple(row) for row in reminded if row.account_id in ("K1", "K2")] == [("K1", "promise_reminder", 300_00)]


def test_a_plan_paid_in_part_ends_aloud_without_a_visit_and_asks_for_no_more_than_is_owed(place):
    signed = "2026-10-20,2026-11-04,3,500.00,S-1"
    place.write("plans.csv", f"{PLANS}K1,{signed}\nK2,{signed}\n")
    place.write("payments.csv", "\n".join([*place.rows("payments.csv"), "Y-K1-plan,K1,2026-11-04,300.00"]) + "\n")
    assert place.run(DAY).code == 0
    assert states(place) == {"K1": ("broken", "part_paid"), "K2": ("broken", None)}
    with reading(place.store) as connection:
        told = {line.kind: (line.count, line.owner) for line in exceptions_of(connection, DAY, None, load_policy())}
        asked = connection.execute(select(item.c.amount_minor).where(item.c.account_id == "K1")).scalars()
        decided = {row.account_id: row for row in connection.execute(select(decision))}
        verdicts = {row.verdict_sha256: json.loads(row.body) for row in connection.execute(select(verdict))}
    assert told["broken_plans"] == (2, "collector")
    assert set(asked) == {decided["K1"].overdue_minor}
    assert decided["K2"].overdue_minor - decided["K1"].overdue_minor == 300_00
    why = {name: verdicts[decided[name].verdict_sha256]["reasons"] for name in ("K1", "K2")}
    assert "V3_broken_promise" in why["K2"]
    assert "V3_broken_promise" not in why["K1"]


def test_a_promise_taken_back_is_withdrawn_and_not_broken(day):
    with reading(day.store) as connection:
        found = {
            row.account_id: (row.state, row.score_percent, row.accepted) for row in connection.execute(select(promise))
        }
    assert found == {"K4": ("withdrawn", None, True), "K8": ("open", 50, True)}


def test_nobody_in_court_is_reminded_and_a_settled_suit_holds_nobody(day):
    assert not planned(day, "K6")
    assert "hold_litigation" in reasons(day, "K6")
    assert "arrears_sms" in planned(day, "K7")


def test_who_paid_is_thanked_and_whose_due_date_was_moved_is_not(place):
    assert place.run(DAY - timedelta(days=1)).code == 0
    place.write(
        "payments.csv", "\n".join([*place.rows("payments.csv"), f"Y-K1,K1,{DAY - timedelta(days=1)},9000.00"]) + "\n"
    )
    moved = [
        row for row in place.rows("instalments.csv") if not (row.startswith("K2,") and row.split(",")[2] < str(DAY))
    ]
    place.write("instalments.csv", "\n".join(moved) + "\n")
    assert place.run(DAY).code == 0
    assert ("thank_you" in planned(place, "K1"), "thank_you" in planned(place, "K2")) == (True, False)
    assert ("nothing_paid" in reasons(place, "K1"), "nothing_paid" in reasons(place, "K2")) == (False, True)


OPEN_ITEMS = "account_id,instalment_no,due_date,amount_due,amount_paid"


def open_items(place, *, gone: str = "", paid: str = "") -> None:
    """Lay the schedule as open items: one account's overdue ones are gone, another's are paid in the file."""
    (place.feeds / "payments.csv").unlink(missing_ok=True)
    rows = []
    for account in ("K1", "K2", "K3"):
        for number, due in enumerate(("2026-09-15", "2026-10-15", "2026-12-15"), start=1):
            if account != gone or due > str(DAY):
                is_paid = account == paid and due < str(DAY)
                rows.append(f"{account},{number},{due},1000.00,{1000 if is_paid else 0}.00")
    place.write("instalments.csv", "\n".join([OPEN_ITEMS, *rows]) + "\n")
    keep = [row for row in place.rows("accounts.csv") if row.split(",")[0] in ("account_id", "K1", "K2", "K3")]
    place.write("accounts.csv", "\n".join(keep) + "\n")


@pytest.mark.parametrize("told", ["nothing", "a payment of the day", "the lender's own rule"])
def test_an_item_that_left_the_file_may_have_been_written_off_and_earns_thanks_only_where_money_was_told(place, told):
    open_items(place)
    rule = {}
    if told == "the lender's own rule":
        policy = place.home / "policy.yaml"
        head = "extends: cn\nlayer: lender\npolicy_id: own\nversion: '1'\neffective_from: 2026-01-31\n"
        policy.write_text(f"{head}ledger: {{gone_items: paid}}\n", "utf-8")
        rule = {"ARREARS_POLICY": str(policy)}
    assert place.run(DAY - timedelta(days=1), **rule).code == 0
    if told == "a payment of the day":
        file = place.home / "payments.csv"
        file.write_text(f"payment_id,account_id,paid_on,amount\nY-9,K1,{DAY - timedelta(days=1)},2000.00\n", "utf-8")
        assert place.call("import", "payments", str(file)).code == 0
    open_items(place, gone="K1", paid="K2")
    assert place.run(DAY, **rule).code == 0
    assert ("thank_you" in planned(place, "K1")) is (told != "nothing")
    assert "thank_you" in planned(place, "K2"), "the file says that this was paid"
    assert "thank_you" not in planned(place, "K3")


def test_money_that_comes_after_the_day_of_a_promise_keeps_it_no_more_in_a_file_without_payments(place):
    open_items(place)
    place.write("promises.csv", f"{PROMISES}K1,2026-11-09,2026-11-10,1000.00,\nK2,2026-11-09,2026-11-10,1000.00,\n")
    assert place.run(date(2026, 11, 9)).code == 0
    open_items(place, paid="K2")
    for day in (11, 12):
        assert place.run(date(2026, 11, day)).code == 0
    ended = {"K1": "broken", "K2": "kept"}
    with reading(place.store) as connection:
        assert dict(connection.execute(select(promise.c.account_id, promise.c.state)).all()) == ended
    open_items(place, gone="K1", paid="K2")
    assert place.run(date(2026, 11, 13)).code == 0
    with reading(place.store) as connection:
        assert dict(connection.execute(select(promise.c.account_id, promise.c.state)).all()) == ended
