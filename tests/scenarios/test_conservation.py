"""What came in is frozen, quarantined or left out, to the last row and cent, or the run fails."""

import json

import numpy as np
import pytest
from sqlalchemy import select

from arrears.core.errors import Finding
from arrears.proof import conserve
from arrears.steps import totals
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_event
from arrears.store.tables.decisions import decision


def sums_of(place) -> dict[str, object]:
    with reading(place.store) as connection:
        bodies = connection.execute(select(audit_event.c.body).order_by(audit_event.c.seq)).scalars()
        [found] = [json.loads(body) for body in bodies if b'"type":"totals.tied"' in body]
    return found["data"]


def close_one_and_spoil_one(place) -> None:
    rows = [row.replace("K8,,", "K8,2026-10-31,") for row in place.rows("accounts.csv")]
    place.write("accounts.csv", "\n".join(rows) + "\n")
    paid = place.rows("payments.csv")
    place.write("payments.csv", "\n".join([*paid, "Y-bad,K1,2026-02-30,5.00"]) + "\n")


def test_rows_in_are_frozen_quarantined_or_left_out_and_the_log_says_so(place):
    close_one_and_spoil_one(place)
    said = place.run()
    assert said.code == 0, said.err
    found = sums_of(place)
    assert found["broken"] == []
    assert found["sums"]["rows of accounts"] == 8
    assert found["sums"]["accounts frozen"] == 7
    assert found["sums"]["rows of payments"] == len(place.rows("payments.csv")) - 1
    control = json.loads(said.out)["ledger"]["control_total_minor"]["CNY"]
    assert found["sums"]["unpaid and due, CNY"] == control > 0


def lose_rows(patch) -> None:
    from arrears.ledger.freeze import _Frame

    whole = _Frame.instalments
    patch.setattr(_Frame, "instalments", lambda frame: whole(frame).slice(1))


def lose_an_amount(patch) -> None:
    from arrears.ledger.freeze import _Frame

    whole = _Frame.count

    def count(frame, frozen) -> None:
        whole(frame, frozen)
        frozen.shape.unpaid_due["CNY"] -= 1

    patch.setattr(_Frame, "count", count)


def lose_a_decision(patch) -> None:
    import arrears.ladder.decisions as module

    whole = module.decide_snapshot

    def decide_snapshot(rt, engine, *given, **named):
        result = whole(rt, engine, *given, **named)
        with writing(engine) as connection:
            connection.execute(decision.delete().where(decision.c.account_id == "K7"))
        return result

    patch.setattr(module, "decide_snapshot", decide_snapshot)


def lose_a_stage(patch) -> None:
    from arrears.ledger.shape import Shape

    patch.setattr(Shape, "add_stages", lambda shape, stages: shape.stages.__setitem__(0, int(np.size(stages)) - 1))


@pytest.mark.parametrize(
    ("lose", "what"),
    [
        (lose_rows, "rows of instalments"),
        (lose_an_amount, "unpaid and due, CNY"),
        (lose_a_decision, "overdue, decided on, CNY"),
        (lose_a_stage, "accounts on stages 0 to 3"),
    ],
)
def test_what_is_lost_on_the_way_fails_the_run_before_anybody_is_contacted(place, monkeypatch, lose, what):
    with monkeypatch.context() as patch:
        lose(patch)
        said = place.run()
    assert said.code == 1
    assert what in said.reason
    assert json.loads(said.out)["status"] == "failed"
    later = place.call("dispatch", "--rehearsal", "--at", "2026-11-12T15:00:00+08:00")
    assert later.code == 3, "a later dispatch sends no more than the run did"
    assert what in later.err
    assert place.effects() == []


def test_before_the_sums_are_compared_no_dispatch_sends(place, monkeypatch):
    def broken_off(*_given: object) -> None:
        raise Finding("broken off before the seal")

    with monkeypatch.context() as patch:
        patch.setattr(totals, "tie_ledger", broken_off)
        assert place.run().code == 1
    later = place.call("dispatch", "--rehearsal", "--at", "2026-11-12T15:00:00+08:00")
    assert later.code == 3
    assert "not compared yet" in later.err
    assert place.effects() == []
    assert place.run().code == 0
    assert place.effects() != []


def test_once_the_sums_tie_again_the_contacts_of_the_day_leave(place, monkeypatch):
    with monkeypatch.context() as patch:
        lose_a_decision(patch)
        assert place.run().code == 1
    assert place.effects() == []
    assert place.run().code == 0
    assert place.effects() != []


def test_a_day_whose_contacts_do_not_add_up_is_failed(place, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(conserve, "ended", lambda totals: totals["planned"] - 1)
        said = place.run()
    assert json.loads(said.out)["status"] == "failed"
