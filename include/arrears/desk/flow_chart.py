"""The moves between stages as a drawing: left where accounts were, right where they are, bands as wide as many."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from arrears.reports.flow import Move

STAGES = (0, 1, 2, 3)
HIGH, GAP, TOP = 180.0, 8.0, 26.0
LINE = 14.0
"""A stage takes at least as much room as its label."""
LEFT, RIGHT = 190.0, 450.0
THINNEST = 1.5


@dataclass(frozen=True)
class Node:
    """A stage on one side: its place and how many accounts of the drawing stand there."""

    stage: int
    y: float
    height: float
    count: int


@dataclass(frozen=True)
class Band:
    """A move: the outline of its band, and whether it is for the worse, for the better, or none."""

    move: Move
    path: str
    way: str


@dataclass(frozen=True)
class FlowChart:
    """Nodes of both sides and the bands between them, ready for a template."""

    before: list[Node]
    now: list[Node]
    bands: list[Band]
    high: float


def flow_chart(moves: Sequence[Move]) -> FlowChart | None:
    """Return the drawing, or None when nothing is known or nobody is in arrears."""
    total = sum(one.accounts for one in moves)
    if not total:
        return None
    scale = HIGH / total
    before = _nodes(Counter({one: sum(m.accounts for m in moves if m.was == one) for one in STAGES}), scale)
    now = _nodes(Counter({one: sum(m.accounts for m in moves if m.stage == one) for one in STAGES}), scale)
    starts, ends = ({node.stage: node.y for node in side} for side in (before, now))
    bands = []
    for move in sorted(moves):
        wide = max(THINNEST, move.accounts * scale)
        bands.append(Band(move, _path(starts[move.was], ends[move.stage], wide), _way(move)))
        starts[move.was] += move.accounts * scale
        ends[move.stage] += move.accounts * scale
    return FlowChart(before, now, bands, max(side[-1].y + max(LINE, side[-1].height) for side in (before, now)) + GAP)


def _nodes(counts: Counter[int], scale: float) -> list[Node]:
    found, y = [], TOP
    for stage in STAGES:
        height = counts[stage] * scale
        found.append(Node(stage, y, max(THINNEST, height), counts[stage]))
        y += max(LINE, height) + GAP
    return found


def _way(move: Move) -> str:
    return "stayed" if move.was == move.stage else "worse" if move.stage > move.was else "better"


def _path(start: float, end: float, wide: float) -> str:
    middle = (LEFT + RIGHT) / 2
    return (
        f"M{LEFT:.1f},{start:.1f} C{middle:.1f},{start:.1f} {middle:.1f},{end:.1f} {RIGHT:.1f},{end:.1f} "
        f"L{RIGHT:.1f},{end + wide:.1f} C{middle:.1f},{end + wide:.1f} {middle:.1f},{start + wide:.1f} "
        f"{LEFT:.1f},{start + wide:.1f} Z"
    )
