"""What nobody took up in time is told with its age, and what has a good reason to wait is not."""

from datetime import date

from outreach_world import CALL, DAY, World

from arrears.reports.neglected import neglected
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import hold, promise

HELD = {"step": "borrower_call", "channel": "call", "audience": "borrower", "reasons": ["hold_dispute"]}


def told(world: World) -> dict[str, tuple[int, date | None]]:
    with reading(world.engine) as connection:
        return {kind: (count, since) for kind, count, since in neglected(connection, DAY, None, world.policy) if count}


def overdue(world: World, number: int, *actions: dict, **more: object) -> None:
    world.person(f"P{number}", mobile=f"1380000000{number}")
    world.account(f"A{number}", {f"P{number}": "borrower"})
    world.decide(f"A{number}", list(actions), **more)


def test_untreated_arrears_are_told_with_their_age(world):
    overdue(world, 1)
    overdue(world, 2, CALL)
    overdue(world, 3, suppressed=[HELD])
    world.plan()
    assert told(world) == {"untreated": (1, date(2026, 11, 2))}, "A2 is called today, A3 is on hold"
    assert (DAY - date(2026, 11, 2)).days == 10


def test_a_dispute_of_eleven_working_days_is_overdue_and_one_of_ten_is_not(world):
    for number, since in ((1, date(2026, 10, 28)), (2, date(2026, 10, 29))):
        overdue(world, number, CALL)
        with writing(world.engine) as connection:
            connection.execute(hold.insert().values(
                hold_key=f"h{number}", account_id=f"A{number}", kind="dispute", from_on=since))  # fmt: skip
    world.plan()
    assert told(world)["answer_overdue"] == (1, date(2026, 10, 28))


def test_a_promise_that_reaches_further_than_it_may_hold_is_told(world):
    for number, due in ((1, date(2026, 11, 28)), (2, date(2026, 11, 11))):
        overdue(world, number, CALL)
        with writing(world.engine) as connection:
            connection.execute(promise.insert().values(
                promise_key=f"p{number}", account_id=f"A{number}", made_on=date(2026, 11, 1), due_on=due,
                amount_minor=1))  # fmt: skip
    world.plan()
    assert told(world) == {"promise_too_far": (1, date(2026, 11, 1))}
