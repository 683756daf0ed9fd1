"""Two people let a held ledger through: the checks that they were asked about, and no other."""

import json
from datetime import date

import pytest
from sqlalchemy import select

from arrears.store.engine import reading
from arrears.store.tables.repossession import approval
from arrears.store.tables.runs import gate

DAY = date(2026, 11, 12)
NEXT = DAY.replace(day=DAY.day + 1)
SHORT = ("K1", "K2", "K3")


@pytest.fixture
def held(place):
    """The second ledger has less than half of the accounts of the first."""
    place.write("staff.csv", "staff_id,name,roles\nF1,One,finance\nM1,Two,manager\n")
    assert place.run(DAY).code == 0
    for name in ("accounts", "instalments", "payments", "parties"):
        header, *rows = place.rows(f"{name}.csv")
        own = [row for row in rows if {*row.split(",")[:2]} & {*SHORT}]
        place.write(f"{name}.csv", "\n".join([header, *own, ""]))
    said = place.run(NEXT)
    assert (said.code, failed(place, 1)) == (3, {"rows_band": None})
    return place


def failed(place, ordinal: int) -> dict[str, str | None]:
    """Return the checks that a run of the second day failed, each with who let it through."""
    query = select(gate.c.name, gate.c.overridden_by).where(gate.c.run_id == f"daily-{NEXT}-{ordinal}", ~gate.c.passed)
    with reading(place.store) as connection:
        return dict(connection.execute(query).all())


def questions(place) -> list[tuple[str, str]]:
    query = select(approval.c.approval_id, approval.c.state).where(approval.c.kind == "gate_override")
    with reading(place.store) as connection:
        return [(row.approval_id, row.state) for row in connection.execute(query.order_by(approval.c.requested_at))]


def finance_counts_more(place) -> None:
    """The control figures of finance say that accounts are lacking."""
    place.write("controls.csv", f"business_date,kind,currency,value,confirmed_by\n{NEXT},accounts,,8,F1\n")
    said = place.call("import", "controls", str(place.feeds / "controls.csv"))
    assert said.code == 0, said.err
    (place.feeds / "controls.csv").unlink()


def approve(place, approval_id: str) -> list[int]:
    return [
        place.call("approvals", "approve", approval_id, "--as", who, "--note", "small").code for who in ("F1", "M1")
    ]


def test_what_was_asked_about_goes_through_with_the_next_run(held):
    [(asked, state)] = questions(held)
    assert state == "open"
    assert approve(held, asked) == [0, 0]
    assert held.run(NEXT).code == 0
    assert failed(held, 1) == failed(held, 2) == {"rows_band": "F1, M1"}


def test_a_check_that_fails_later_voids_the_question_and_is_asked_about_anew(held):
    [(first, _)] = questions(held)
    finance_counts_more(held)
    assert held.run(NEXT).code == 3
    states = dict(questions(held))
    assert states.pop(first) == "void"
    [(second, state)] = states.items()
    assert (state, approve(held, first)) == ("open", [2, 2])
    assert set(failed(held, 2).values()) == {None}, "nobody was asked about the new one, and the old question is gone"
    assert held.run(NEXT).code == 3
    assert len(questions(held)) == 2, "the same checks are asked about once"
    assert approve(held, second) == [0, 0]
    again = held.run(NEXT)
    assert again.code == 0, again.err
    assert failed(held, 4) == {"rows_band": "F1, M1", "control_totals": "F1, M1"}


def test_an_override_given_before_another_check_fails_lets_only_its_own_through(held):
    [(first, _)] = questions(held)
    finance_counts_more(held)
    assert approve(held, first) == [0, 0]
    said = held.run(NEXT)
    assert (said.code, "control_totals" in said.reason, "rows_band" in said.reason) == (3, True, False)
    assert failed(held, 2) == {"rows_band": "F1, M1", "control_totals": None}
    assert json.loads(said.out)["status"] == "held"
    assert sorted(state for _, state in questions(held)) == ["open", "used"]
    assert held.call("verify").code == 0
