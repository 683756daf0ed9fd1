"""Draw CPU seconds over accounts, both on logarithmic scales, as SVG: ``arrears bench --plot FILE.svg``."""

import math
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 420, 70, 50, 30, 170
COLOURS = {"floor": "#555555", "first": "#0b61a4", "again": "#2a9d4a", "golive": "#c25e00", "changes": "#7a3e9d",
           "naive": "#b3202a"}  # fmt: skip
NAMES = {"floor": "bare floor", "first": "first run of a day", "again": "re-run", "golive": "go-live",
         "changes": "changes only", "naive": "naive"}  # fmt: skip


def draw(sizes: list[dict[str, Any]]) -> str:
    """Return the picture of a run of several sizes."""
    points = {
        side: [(size["accounts"], size["medians"][side]["cpu_s"]) for size in sizes if side in size["medians"]]
        for side in COLOURS
    }
    flat = [point for own in points.values() for point in own]
    across, up = _scale([x for x, _ in flat]), _scale([y for _, y in flat])
    parts = [*_grid(across, up)]
    ends: list[float] = []
    for side, own in sorted(points.items(), key=lambda one: -one[1][-1][1] if one[1] else 0):
        places = [(_x(x, across), _y(y, up)) for x, y in own]
        if not places:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[side]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[side]}"/>' for x, y in places]
        place = max(places[-1][1], ends[-1] + 16 if ends else 0)
        ends.append(place)
        at = WIDTH - RIGHT + 10
        parts.append(
            f'<text x="{at}" y="{place + 4:.1f}" fill="{COLOURS[side]}">{NAMES[side]} {own[-1][1]:.1f} s</text>'
        )
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="13"><rect width="100%" height="100%" fill="white"/>')  # fmt: skip
    return "\n".join([head, *parts, "</svg>", ""])


def _scale(values: list[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _x(value: float, scale: tuple[int, int]) -> float:
    return LEFT + (math.log10(value) - scale[0]) / (scale[1] - scale[0]) * (WIDTH - LEFT - RIGHT)


def _y(value: float, scale: tuple[int, int]) -> float:
    return HEIGHT - BOTTOM - (math.log10(value) - scale[0]) / (scale[1] - scale[0]) * (HEIGHT - BOTTOM - TOP)


def _grid(across: tuple[int, int], up: tuple[int, int]) -> list[str]:
    parts = ['<text x="10" y="18">CPU seconds</text>']
    for power in range(across[0], across[1] + 1):
        x = _x(10.0**power, across)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(up[0], up[1] + 1):
        y = _y(10.0**power, up)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) // 2}" y="{HEIGHT - 10}" text-anchor="middle">accounts</text>')
    return parts
