"""A deterministic simulation of the outbox: workers crash, sleep past their lease and wake up; the seed is printed.

The real state machine runs against a store in memory and a virtual clock. The same simulation must catch an outbox
with a planted fault, or it would prove nothing.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, and_, bindparam, create_engine, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from arrears.core.clock import utc_text
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.outreach import outbox as outbox_module
from arrears.outreach.outbox import LEASE, Claim, Outbox, Scope
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent
from arrears.store.tables import metadata
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.outreach import contact, contact_attempt
from arrears.store.tables.runs import run

DAY = date(2026, 11, 12)
START = datetime(2026, 11, 12, 2, tzinfo=UTC)
CONTACTS, WORKERS, STEPS, SEEDS = 3, 3, 30, 200
RUN = "daily-2026-11-12-1"


class VirtualClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class Gateway:
    """Takes messages, sometimes without being able to say so; remembers what really went out."""

    def __init__(self, chance: random.Random) -> None:
        self.delivered: Counter[str] = Counter()
        self._chance = chance

    def send(self, contact_id: str) -> Verdict:
        fate = self._chance.random()
        if fate < 0.15:
            return not_sent("rcpt_450")
        if fate < 0.2:
            return Verdict(Outcome.REJECTED, "rcpt_550")
        if fate < 0.25:
            return in_doubt("no_reply")
        self.delivered[contact_id] += 1
        return in_doubt("no_reply") if fate < 0.4 else Verdict(Outcome.SENT, "250")


class Simulation:
    """One seed: workers step in random order, each step may be the last before a crash or a long sleep."""

    def __init__(self, engine: Engine, seed: int, kind: type[Outbox] = Outbox) -> None:
        self.chance = random.Random(seed)
        self.clock, self.engine = VirtualClock(), engine
        settings = Settings.from_environment({"ARREARS_HOME": "/nonexistent"})
        self.rt = Runtime(settings, self.clock, SeededEntropy(seed))
        self.gateway = Gateway(self.chance)
        self.outbox = kind(self.rt, RUN, "0" * 64, self.clock)
        self.scope = Scope(DAY, ("sms",))
        self._fill()

    def _fill(self) -> None:
        with self.engine.begin() as connection:
            for table in (audit_pending, contact_attempt, contact, run):
                connection.execute(table.delete())
            connection.execute(
                insert(run).values(
                    run_id=RUN,
                    origin_key="0" * 64,
                    kind="daily",
                    business_date=DAY,
                    ordinal=1,
                    status="running",
                    rehearsal=False,
                    plan_only=False,
                    released=True,
                    started_at=utc_text(START),
                    policy_sha256="0" * 64,
                    code_version="0",
                    code_id="0",
                    attempt="{}",
                )
            )
            connection.execute(
                insert(contact),
                [
                    {
                        "contact_id": f"{n:064}",
                        "business_date": DAY,
                        "party_id": f"P{n}",
                        "channel": "sms",
                        "language": "zh",
                        "audience": "borrower",
                        "tone": "firm",
                        "template": "zh/sms",
                        "stage": 1,
                        "batch_no": 0,
                        "total_minor": 1,
                        "currency": "CNY",
                        "slot_opens_at": utc_text(START),
                        "slot_closes_at": utc_text(START + timedelta(hours=10)),
                        "run_id": RUN,
                        "state": "planned",
                        "state_run_id": RUN,
                    }
                    for n in range(CONTACTS)
                ],
            )

    def run(self) -> None:
        workers = [self._worker() for _ in range(WORKERS)]
        asleep = [0] * WORKERS
        for _ in range(STEPS):
            n = self.chance.randrange(WORKERS)
            if asleep[n]:
                asleep[n] -= 1
                self.clock.at += timedelta(seconds=self.chance.choice((1, 60, 200)))
                continue
            if self.chance.random() < 0.1:
                workers[n] = self._worker()  # killed: whatever it held is gone with it
                continue
            next(workers[n])
            if self.chance.random() < 0.15:
                asleep[n] = self.chance.randrange(1, 5)
        self._settle_down()

    def _worker(self) -> Iterator[None]:
        while True:
            with self.engine.begin() as connection:
                if self.chance.random() < 0.3:
                    self.outbox.recover(connection)
                claims = self.outbox.claim(connection, self.scope, self.chance.randrange(1, 4))
            yield
            for claim in claims:
                yield from self._send(claim)

    def _send(self, claim: Claim) -> Iterator[None]:
        with self.engine.begin() as connection:
            goes = self.outbox.intend(connection, claim, "f" * 64)
        yield
        if not goes:
            return
        if self.outbox.is_ours(claim):
            yield  # a sleep here cannot be seen by anybody: the message leaves when the worker wakes
            verdict = self.gateway.send(claim.contact_id)
        else:
            verdict = not_sent("lease_over")
        yield
        with self.engine.begin() as connection:
            self.outbox.settle(connection, claim, verdict)
        yield

    def _settle_down(self) -> None:
        self.clock.at += LEASE * 2
        with self.engine.begin() as connection:
            self.outbox.recover(connection)

    def violations(self) -> list[str]:
        with self.engine.begin() as connection:
            rows = {row.contact_id: row for row in connection.execute(select(contact))}
            open_attempts = connection.execute(select(contact_attempt).where(contact_attempt.c.outcome.is_(None))).all()
        found = [f"attempt of {row.contact_id[-2:]} left open" for row in open_attempts]
        for key, row in rows.items():
            went = self.gateway.delivered[key]
            if went > 1:
                found.append(f"{key[-2:]} went out {went} times")
            if went and row.state not in ("sent", "in_doubt"):
                found.append(f"{key[-2:]} went out and is {row.state}")
            if row.state == "sent" and not went:
                found.append(f"{key[-2:]} is sent and never went out")
            if row.state in ("claimed", "sending"):
                found.append(f"{key[-2:]} is stuck as {row.state}")
        return found


@pytest.fixture(scope="module")
def memory() -> Iterator[Engine]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_no_seed_duplicates_loses_or_falsely_confirms_a_message(memory, first):
    went = Counter()
    for seed in range(first, first + 50):
        simulation = Simulation(memory, seed)
        simulation.run()
        assert simulation.violations() == [], f"seed {seed}"
        went["delivered"] += sum(simulation.gateway.delivered.values())
    assert went["delivered"] > 25, "the simulation must really send"


class RetriesInDoubt(Outbox):
    """The textbook lease: whatever was being sent when the lease ran out is simply sent again."""

    def recover(self, connection: Connection) -> dict[str, int]:
        over = and_(
            contact.c.state.in_(("sending", "in_doubt")), contact.c.lease_until <= utc_text(self._lease_clock.now())
        )
        connection.execute(
            update(contact_attempt).where(contact_attempt.c.outcome.is_(None)).values(outcome="not_sent")
        )
        connection.execute(update(contact).where(over).values(state="planned"))
        return super().recover(connection)


class NoIntent(Outbox):
    """Sends under the claim alone, and writes the intent with the ending."""

    def intend(self, connection: Connection, claim: Claim, *_: object, **__: object) -> bool:
        return True

    def settle(self, connection: Connection, claim: Claim, verdict: Verdict) -> str:
        super().intend(connection, claim, "f" * 64)
        return super().settle(connection, claim, verdict)


class ConfirmsOnTimeout(Outbox):
    """Calls no answer a success."""

    def settle(self, connection: Connection, claim: Claim, verdict: Verdict) -> str:
        kind = Outcome.SENT if verdict.outcome is Outcome.IN_DOUBT else verdict.outcome
        return super().settle(connection, claim, Verdict(kind, verdict.code))


class CallsSilenceNotSent(Outbox):
    """Takes a lost reply for a message that did not leave, and plans it again."""

    def settle(self, connection: Connection, claim: Claim, verdict: Verdict) -> str:
        kind = Outcome.NOT_SENT if verdict.outcome is Outcome.IN_DOUBT else verdict.outcome
        return super().settle(connection, claim, Verdict(kind, verdict.code))


@pytest.mark.parametrize("faulty", [RetriesInDoubt, NoIntent, ConfirmsOnTimeout, CallsSilenceNotSent])
def test_the_simulation_catches_a_planted_fault(memory, faulty, monkeypatch):
    monkeypatch.setattr(outbox_module, "RETRY_AFTER", timedelta(seconds=1))
    for seed in range(SEEDS):
        simulation = Simulation(memory, seed, faulty)
        simulation.run()
        if simulation.violations():
            return
    pytest.fail(f"{faulty.__name__} survived {SEEDS} seeds")


def test_the_simulation_catches_a_missing_fence(memory, monkeypatch):
    loose = and_(contact.c.contact_id == bindparam("key"), contact.c.state.in_(("planned", "claimed")))
    new = {name: bindparam(f"new_{name}") for name in ("attempts", "payload_sha256", "intent_at", "message_id")}
    unfenced = (
        update(contact)
        .where(loose)
        .values(
            state="sending", state_run_id=bindparam("by"), claimed_by="x", lease_until=contact.c.slot_closes_at, **new
        )
    )
    monkeypatch.setattr(outbox_module, "INTEND", unfenced)
    monkeypatch.setattr(outbox_module, "MARGIN", -LEASE * 100)
    for seed in range(SEEDS):
        simulation = Simulation(memory, seed)
        try:
            simulation.run()
        except IntegrityError:  # the schema itself refuses what an unfenced worker writes
            return
        if simulation.violations():
            return
    pytest.fail(f"a missing fence survived {SEEDS} seeds")
