"""A deterministic simulation of the outbox: workers crash, sleep past their lease and wake up; the seed is printed.

The real state machine runs against a store in memory and a virtual clock; workers begin contacts in groups, as the
dispatcher does, and end one group together with the beginning of the next. Every worker's own clock is wrong by up to
four minutes, and a second run plans the same day at any moment. The same simulation must catch an outbox with a
planted fault, or it would prove nothing.
"""

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, and_, bindparam, create_engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from arrears.core.clock import utc_text
from arrears.core.entropy import SeededEntropy
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.outreach import outbox as outbox_module
from arrears.outreach.claims import Claim, Intent, Scope
from arrears.outreach.outbox import BATCH, LEASE, Outbox
from arrears.outreach.planned import contact_key
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent
from arrears.store.bulk import insert_new
from arrears.store.tables import metadata
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.outreach import contact, contact_attempt
from arrears.store.tables.runs import run

DAY = date(2026, 11, 12)
START = datetime(2026, 11, 12, 2, tzinfo=UTC)
CONTACTS, WORKERS, STEPS, SEEDS = 3, 3, 30, 200
LONG_SEEDS = 10_000
SKEW = 240
RUN, SECOND_RUN = "daily-2026-11-12-1", "daily-2026-11-12-2"


class VirtualClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class WrongClock:
    """The clock of one machine: the same time for all, off by some seconds."""

    def __init__(self, true: VirtualClock, seconds: int) -> None:
        self._true, self._off = true, timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._true.now() + self._off


class Gateway:
    """Takes messages, sometimes without being able to say so; remembers what really reached whom."""

    def __init__(self, chance: random.Random) -> None:
        self.delivered: Counter[str] = Counter()
        self._chance = chance

    def send(self, person: str) -> Verdict:
        fate = self._chance.random()
        if fate < 0.15:
            return not_sent("rcpt_450")
        if fate < 0.2:
            return Verdict(Outcome.REJECTED, "rcpt_550")
        if fate < 0.25:
            return in_doubt("no_reply")
        self.delivered[person] += 1
        return in_doubt("no_reply") if fate < 0.4 else Verdict(Outcome.SENT, "250")


Key = Callable[[str, str, str, date], str]
Ended = tuple[Claim, Verdict]


def right_key(_run_id: str, party_id: str, channel: str, day: date) -> str:
    return contact_key(party_id, channel, day)


class Simulation:
    """One seed: workers step in random order, each step may be the last before a crash or a long sleep."""

    def __init__(self, engine: Engine, seed: int, kind: type[Outbox] = Outbox, key: Key = right_key) -> None:
        self.chance = random.Random(seed)
        self.clock, self.engine, self.key = VirtualClock(), engine, key
        self.gateway = Gateway(self.chance)
        self.outboxes = [
            self._outbox(kind, seed, WrongClock(self.clock, self.chance.randint(-SKEW, SKEW))) for _ in range(WORKERS)
        ]
        self.after_all = self._outbox(Outbox, seed, self.clock)
        self.scope = Scope(DAY, ("sms",))
        with self.engine.begin() as connection:
            for table in (audit_pending, contact_attempt, contact, run):
                connection.execute(table.delete())
        self._plan(RUN)

    def _outbox(self, kind: type[Outbox], seed: int, clock: VirtualClock | WrongClock) -> Outbox:
        settings = Settings.from_environment({"ARREARS_HOME": "/nonexistent"})
        return kind(Runtime(settings, clock, SeededEntropy(seed)), RUN, "0" * 64, clock)

    def _plan(self, run_id: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                insert(run).values(
                    run_id=run_id,
                    origin_key=natural_key(run_id),
                    kind="daily",
                    business_date=DAY,
                    ordinal=int(run_id[-1]),
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
            insert_new(connection, contact, [self._contact(run_id, f"P{n}") for n in range(CONTACTS)])

    def _contact(self, run_id: str, party_id: str) -> dict[str, object]:
        return {
            "contact_id": self.key(run_id, party_id, "sms", DAY),
            "business_date": DAY,
            "party_id": party_id,
            "channel": "sms",
            "language": "zh",
            "audience": "borrower",
            "tone": "firm",
            "template": "zh/sms",
            "stage": 1,
            "batch_no": 0,
            "total_minor": 1,
            "currency": "CNY",
            "slot_opens_at": utc_text(START - timedelta(hours=1)),
            "slot_closes_at": utc_text(START + timedelta(hours=10)),
            "run_id": run_id,
            "state": "planned",
            "state_run_id": run_id,
        }

    def run(self) -> None:
        workers = [self._worker(outbox) for outbox in self.outboxes]
        asleep = [0] * WORKERS
        planned_again = self.chance.randrange(STEPS)
        for turn in range(STEPS):
            if turn == planned_again:
                self._plan(SECOND_RUN)
            n = self.chance.randrange(WORKERS)
            if asleep[n]:
                asleep[n] -= 1
                self.clock.at += timedelta(seconds=self.chance.choice((1, 60, 200)))
                continue
            if self.chance.random() < 0.1:
                workers[n] = self._worker(self.outboxes[n])  # killed: whatever it held is gone with it
                continue
            next(workers[n])
            if self.chance.random() < 0.15:
                asleep[n] = self.chance.randrange(1, 5)
        self._settle_down()

    def _worker(self, outbox: Outbox) -> Iterator[None]:
        while True:
            with self.engine.begin() as connection:
                if self.chance.random() < 0.3:
                    outbox.recover(connection)
                claims = outbox.claim(connection, self.scope, self.chance.randrange(1, 4))
            yield
            ended: list[Ended] = []
            while claims or ended:
                size = self.chance.randrange(1, 3)
                group, claims = claims[:size], claims[size:]
                with self.engine.begin() as connection:
                    outbox.settle(connection, ended)
                    going = self._begin(outbox, connection, group)
                yield
                ended = yield from self._carry_out(outbox, going)

    def _begin(self, outbox: Outbox, connection: Connection, group: Sequence[Claim]) -> list[Claim]:
        held = outbox.still_held(connection, group)
        going = [claim for claim in group if claim.contact_id in held and outbox.has_time(claim)]
        outbox.intend(connection, [Intent(claim, "f" * 64) for claim in going])
        return going

    def _carry_out(self, outbox: Outbox, going: Sequence[Claim]) -> Generator[None, None, list[Ended]]:
        ended = []
        for claim in going:
            verdict = not_sent("lease_over")
            if outbox.is_ours(claim):
                yield  # a sleep here cannot be seen by anybody: the message leaves when the worker wakes
                verdict = self.gateway.send(claim.row.party_id)
            ended.append((claim, verdict))
            yield
        return ended

    def _settle_down(self) -> None:
        self.clock.at += LEASE * 2 + timedelta(seconds=SKEW)
        with self.engine.begin() as connection:
            self.after_all.recover(connection)

    def violations(self) -> list[str]:
        with self.engine.begin() as connection:
            rows = connection.execute(select(contact)).all()
            open_attempts = connection.execute(select(contact_attempt).where(contact_attempt.c.outcome.is_(None))).all()
        found = [f"attempt of {row.contact_id[:8]} left open" for row in open_attempts]
        if len(rows) < CONTACTS:
            found.append(f"only {len(rows)} contacts are left")
        for row in rows:
            went = self.gateway.delivered[row.party_id]
            if went > 1:
                found.append(f"{row.party_id} was reached {went} times")
            if went and row.state not in ("sent", "in_doubt"):
                found.append(f"{row.party_id} was reached and is {row.state}")
            if row.state == "sent" and not went:
                found.append(f"{row.party_id} is sent and was never reached")
            if row.state in ("claimed", "sending"):
                found.append(f"{row.party_id} is stuck as {row.state}")
        return found


@pytest.fixture(scope="module")
def memory() -> Iterator[Engine]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def without_belt() -> Iterator[Engine]:
    """A store that has lost the rule that a person is contacted once a channel and day: only the key is left."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    ddl = str(CreateTable(contact).compile(engine))
    rule = next(line for line in ddl.splitlines() if "UNIQUE (party_id, channel, business_date)" in line)
    with engine.begin() as connection:
        connection.exec_driver_sql(ddl.replace(rule, ""))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def prove(memory: Engine, seeds: range) -> None:
    went = Counter()
    for seed in seeds:
        simulation = Simulation(memory, seed)
        simulation.run()
        assert simulation.violations() == [], f"seed {seed}"
        went["delivered"] += sum(simulation.gateway.delivered.values())
    assert went["delivered"] > len(seeds) / 2, "the simulation must really send"


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_no_seed_duplicates_loses_or_falsely_confirms_a_message(memory, first):
    prove(memory, range(first, first + 50))


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS, LONG_SEEDS, 980))
def test_ten_thousand_seeds_duplicate_lose_or_falsely_confirm_nothing(memory, first):
    prove(memory, range(first, first + 980))


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

    def intend(self, *_: object) -> None:
        pass

    def settle(self, connection: Connection, ended: Sequence[Ended]) -> list[str]:
        held = self.still_held(connection, [claim for claim, _ in ended])
        super().intend(connection, [Intent(claim, "f" * 64) for claim, _ in ended if claim.contact_id in held])
        return super().settle(connection, ended)


def told_as(verdict: Verdict, kind: Outcome) -> Verdict:
    return Verdict(kind, verdict.code) if verdict.outcome is Outcome.IN_DOUBT else verdict


class ConfirmsOnTimeout(Outbox):
    """Calls no answer a success."""

    def settle(self, connection: Connection, ended: Sequence[Ended]) -> list[str]:
        return super().settle(connection, [(claim, told_as(verdict, Outcome.SENT)) for claim, verdict in ended])


class CallsSilenceNotSent(Outbox):
    """Takes a lost reply for a message that did not leave, and plans it again."""

    def settle(self, connection: Connection, ended: Sequence[Ended]) -> list[str]:
        return super().settle(connection, [(claim, told_as(verdict, Outcome.NOT_SENT)) for claim, verdict in ended])


class TrustsItsClock(Outbox):
    """Looks at its own clock instead of the fence: right only while all clocks agree."""

    def still_held(self, connection: Connection, claims: Sequence[Claim]) -> set[str]:
        return {claim.contact_id for claim in claims if self.has_time(claim)}

    def intend(self, connection: Connection, intents: Sequence[Intent]) -> None:
        for one in intents:
            claim = one.claim
            ours = and_(
                contact.c.contact_id == claim.contact_id, contact.c.state.in_(("planned", "claimed", "sending"))
            )
            connection.execute(
                update(contact_attempt).where(contact_attempt.c.outcome.is_(None)).values(outcome="in_doubt")
            )
            begun = {"state": "sending", "payload_sha256": "f" * 64, "intent_at": self._now(), "fence": claim.fence}
            held = {"claimed_by": self._worker, "lease_until": utc_text(claim.lease_until)}
            connection.execute(update(contact).where(ours).values(begun | held))


class IgnoresLeases(Outbox):
    """Takes whatever is not finished, whoever holds it and however long still."""

    def claim(self, connection: Connection, scope: Scope, limit: int = BATCH) -> list[Claim]:
        connection.execute(
            update(contact_attempt).where(contact_attempt.c.outcome.is_(None)).values(outcome="not_sent")
        )
        connection.execute(update(contact).where(contact.c.state.in_(("claimed", "sending"))).values(state="planned"))
        return super().claim(connection, scope, limit)


def caught(engine: Engine, kind: type[Outbox] = Outbox, key: Key = right_key, seeds: int = SEEDS) -> bool:
    for seed in range(seeds):
        simulation = Simulation(engine, seed, kind, key)
        simulation.run()
        if simulation.violations():
            return True
    return False


FAULTS = [RetriesInDoubt, NoIntent, ConfirmsOnTimeout, CallsSilenceNotSent, TrustsItsClock, IgnoresLeases]


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_simulation_catches_a_planted_fault(memory, faulty, monkeypatch):
    monkeypatch.setattr(outbox_module, "wait_after", lambda *_: timedelta(seconds=1))
    assert caught(memory, faulty), f"{faulty.__name__} survived {SEEDS} seeds"


def test_a_worker_that_trusts_its_clock_is_caught_by_the_wrong_clocks_alone(memory, monkeypatch):
    monkeypatch.setitem(globals(), "SKEW", 0)
    assert not caught(memory, TrustsItsClock, seeds=50)
    monkeypatch.undo()
    assert caught(memory, TrustsItsClock, seeds=50)


def test_the_simulation_catches_a_key_that_names_the_run(without_belt):
    assert not caught(without_belt, seeds=50), "with the right key a second plan of the day changes nothing"
    assert caught(without_belt, key=lambda run_id, *rest: natural_key(run_id, *map(str, rest)))


def test_the_simulation_catches_a_missing_fence(memory, monkeypatch):
    begins = or_(contact.c.state == "planned", contact.c.state == "claimed")
    loose = and_(contact.c.contact_id == bindparam("key"), begins)
    new = {name: bindparam(f"new_{name}") for name in ("attempts", "payload_sha256", "intent_at", "message_id")}
    unfenced = (
        update(contact)
        .where(loose)
        .values(
            state="sending", state_run_id=bindparam("by"), claimed_by="x", lease_until=contact.c.slot_closes_at, **new
        )
    )
    monkeypatch.setattr(outbox_module, "INTEND", unfenced)
    monkeypatch.setattr(Outbox, "still_held", lambda self, connection, claims: {claim.contact_id for claim in claims})
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
