"""What happens between the claim of a batch and the sending of its last contact is seen in time."""

from datetime import UTC, datetime, timedelta

import pytest
from contact_crowd import DAY, RUN, fill
from sqlalchemy import select

from arrears.ladder.layers import load_policy
from arrears.outreach.channels import Channels
from arrears.outreach.dispatch import FRESH, dispatch
from arrears.outreach.verdict import Outcome, Verdict
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.feeds import hold
from arrears.store.tables.outreach import contact, person_budget

SENT = Verdict(Outcome.SENT, "202_0")


class Watch:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 12, 2, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Gateway:
    """Takes messages and does something else at the message of a given number."""

    name = "sms"

    def __init__(self, watch: Watch, at: int = 0, then=None, takes: timedelta = timedelta(0)) -> None:
        self.watch, self.at, self.then, self.takes = watch, at, then, takes
        self.got: list[str] = []

    def message_id(self, key: str) -> None:
        return None

    def send(self, message, still_ours) -> Verdict:
        self.got.append(message.key)
        self.watch.at += self.takes
        if len(self.got) == self.at:
            self.then()
        return SENT

    def close(self) -> None:
        """Nothing to close."""


def states(store) -> dict[str, tuple[str, str | None]]:
    with reading(store) as connection:
        return {row.contact_id: (row.state, row.reason) for row in connection.execute(select(contact))}


def run(rt, store, gateway) -> dict[str, int]:
    channels = Channels(load_policy(), {"sms": gateway})
    return dispatch(rt, store, RUN, channels, business_date=DAY, lease_clock=gateway.watch)


def test_a_hold_of_the_last_second_keeps_a_claimed_contact_back(rt, store):
    fill(rt, store, 20, ("sms",))
    rows = [{"hold_key": f"{n:064x}", "account_id": f"A{n}", "kind": "dispute", "from_on": DAY} for n in range(20)]

    def held() -> None:
        with writing(store) as connection:
            connection.execute(hold.insert(), rows)

    gateway = Gateway(Watch(), at=3, then=held, takes=FRESH)
    assert run(rt, store, gateway)["sent"] == len(gateway.got) == 3
    assert set(states(store).values()) == {("sent", None), ("withheld", "hold_dispute")}


def test_a_worker_that_is_told_to_stop_writes_down_what_it_knows(rt, store):
    fill(rt, store, 12, ("sms",))

    def stop() -> None:
        raise KeyboardInterrupt

    gateway = Gateway(Watch(), at=5, then=stop)
    with pytest.raises(KeyboardInterrupt):
        run(rt, store, gateway)
    found = states(store)
    assert [found[key][0] for key in gateway.got] == ["sent"] * 4 + ["in_doubt"]
    assert {state for key, (state, _) in found.items() if key not in gateway.got} <= {"planned", "claimed"}
    with reading(store) as connection:
        assert sum(row.used for row in connection.execute(select(person_budget))) == 2 * 5, (
            "the others have theirs back"
        )
    later = Gateway(Watch())
    later.watch.at += timedelta(minutes=10)
    assert run(rt, store, later)["sent"] == 7
    assert not set(gateway.got) & set(later.got)


def test_many_contacts_begin_in_one_transaction_and_each_has_its_events(rt, store):
    fill(rt, store, 40, ("sms",))
    gateway = Gateway(Watch())
    assert run(rt, store, gateway)["sent"] == 40
    assert len(set(gateway.got)) == 40
    with reading(store) as connection:
        told = [row.type for row in connection.execute(select(audit_pending)) if row.type.startswith("action.")]
    assert (told.count("action.attempted"), told.count("action.sent")) == (40, 40)
