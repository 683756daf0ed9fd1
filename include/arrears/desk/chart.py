"""A month's recovery as a drawing: thick what came in, dashed the way to the target, dotted the month before."""

from dataclasses import dataclass

from arrears.reports.months import MonthLines

WIDE, HIGH, LEFT, BOTTOM = 640, 220, 40, 24
WHOLE = 10_000
STEP = 1_000


@dataclass(frozen=True)
class Chart:
    """Points of the three lines and of the scale, ready for a template."""

    recovered: str
    expected: str
    before: str
    rungs: list[tuple[float, str]]
    days: list[tuple[float, int]]


def chart(lines: MonthLines) -> Chart | None:
    """Return the drawing of a month, or None when nothing is known of it; the scale ends above the highest point."""
    known = [*lines.recovered.values(), *lines.before.values()]
    if not known:
        return None
    top = max(STEP, *(-(-share // STEP) * STEP for share in [*known, *lines.expected.values()]))
    shares = range(0, top + 1, max(STEP, top // 5 // STEP * STEP))

    def line(points: dict[int, int]) -> str:
        return " ".join(f"{_x(day, lines.last_day):.1f},{_y(share, top):.1f}" for day, share in sorted(points.items()))

    return Chart(
        recovered=line(lines.recovered),
        expected=line(lines.expected),
        before=line({day: share for day, share in lines.before.items() if day <= lines.last_day}),
        rungs=[(_y(share, top), f"{share * 100 // WHOLE}%") for share in shares],
        days=[(_x(day, lines.last_day), day) for day in (1, 5, 10, 15, 20, 25, lines.last_day)],
    )


def _x(day: int, last: int) -> float:
    return LEFT + (WIDE - LEFT - 20) * (day - 1) / max(1, last - 1)


def _y(share: int, top: int) -> float:
    return (HIGH - BOTTOM) * (1 - max(0, share) / top) + 10
