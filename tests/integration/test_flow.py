"""How accounts moved from stage to stage: every one in arrears on either day is counted once."""

from datetime import date

from outreach_world import CALL, DAY, World

from arrears.reports.flow import Move, flow_of, keep_flow
from arrears.store.engine import reading, writing

BEFORE, RUN = date(2026, 11, 11), "daily-2026-11-12-1"


def test_accounts_are_counted_by_where_they_were_and_where_they_are(world: World):
    world.person("P1")
    stages = {"A1": (1, 2), "A2": (1, 1), "A3": (None, 1), "A4": (3, None), "A5": (2, 0), "A6": (0, 3)}
    for name, (was, now) in stages.items():
        world.account(name, {"P1": "borrower"})
        for day, stage in ((BEFORE, was), (DAY, now)):
            if stage is not None:
                world.decide(name, [CALL], day=day, instalments=stage)
    for _ in range(2):  # a later run of the date takes the place of the first
        with writing(world.engine) as connection:
            keep_flow(connection, DAY, RUN)
    with reading(world.engine) as connection:
        since, moves = flow_of(connection, DAY, RUN)
        assert flow_of(connection, DAY, "daily-2026-11-12-2") == (None, [])
    assert since == BEFORE
    assert moves == [Move(0, 1, 1), Move(0, 3, 1), Move(1, 1, 1), Move(1, 2, 1), Move(2, 0, 1), Move(3, 0, 1)]


def test_a_first_day_has_no_moves(world: World):
    world.person("P1")
    world.account("A1", {"P1": "borrower"})
    world.decide("A1", [CALL])
    with writing(world.engine) as connection:
        keep_flow(connection, DAY, RUN)
        assert flow_of(connection, DAY, RUN) == (None, [])
