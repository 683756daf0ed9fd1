"""The drawing of a day's moves: nothing overlaps, nothing is lost, and the way is told."""

from arrears.desk.flow_chart import flow_chart
from arrears.reports.flow import Move

MOVES = [Move(0, 1, 30), Move(1, 1, 50), Move(1, 2, 10), Move(2, 0, 5), Move(3, 3, 5)]


def test_both_sides_of_the_drawing_hold_every_account_once():
    drawn = flow_chart(MOVES)
    assert drawn is not None
    assert [node.count for node in drawn.before] == [30, 60, 5, 5]
    assert [node.count for node in drawn.now] == [5, 80, 10, 5]


def test_stages_do_not_overlap_and_stay_within_the_drawing():
    drawn = flow_chart(MOVES)
    assert drawn is not None
    for side in (drawn.before, drawn.now):
        ends = [node.y + node.height for node in side]
        assert all(end <= below.y for end, below in zip(ends, side[1:], strict=False))
        assert ends[-1] <= drawn.high


def test_a_move_to_a_higher_stage_is_for_the_worse():
    drawn = flow_chart(MOVES)
    assert drawn is not None
    assert {(band.move.was, band.move.stage): band.way for band in drawn.bands} == {
        (0, 1): "worse", (1, 1): "stayed", (1, 2): "worse", (2, 0): "better", (3, 3): "stayed"
    }  # fmt: skip


def test_without_accounts_in_arrears_there_is_nothing_to_draw():
    assert flow_chart([]) is None
