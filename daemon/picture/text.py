"""A scene as lines of text: bars and columns of block characters, at most 100 wide."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from daemon.domain.finding import Verdict
from daemon.picture.scene import Point, Scene

EIGHTHS = " ▏▎▍▌▋▊▉█"
RISING = " ▁▂▃▄▅▆▇█"
WIDTH = 24
"""Characters of the longest bar."""
HEIGHT = 6
COLUMNS = 72


def lines(scene: Scene) -> list[str]:
    """Return the picture, line by line."""
    return [*_distributions(scene), "", *_over_time(scene)]


def _distributions(scene: Scene) -> Iterator[str]:
    bars = scene.bars.bars
    wide = max(len(scene.bars.about), *(len(bar.label) for bar in bars))
    wide = min(wide, 30)
    before, now = (f"{name} ({rows:,})" for name, rows in zip(scene.names, scene.rows, strict=True))
    yield f"{scene.bars.about[:wide]:<{wide}}  {before:<{WIDTH + 8}}  {now}".rstrip()
    most = max((share for bar in bars for share in (bar.before, bar.now)), default=0.0) or 1.0
    for bar in bars:
        yield f"{bar.label[:wide]:<{wide}}  {_bar(bar.before, most)}  {_bar(bar.now, most)}".rstrip()
    if scene.bars.gap:
        yield scene.bars.gap.words


def _bar(share: float, most: float) -> str:
    eighths = round(share / most * WIDTH * 8)
    whole, part = divmod(eighths, 8)
    drawn = "█" * whole + (EIGHTHS[part] if part else "")
    return f"{drawn:<{WIDTH}} {100 * share:5.1f} %"


def _over_time(scene: Scene) -> Iterator[str]:
    """Yield columns, one for a window or a few: as high as the bound, and as the statistic in a lighter shade."""
    if not scene.points:
        yield "over time: no window is kept"
        return
    columns = _columns(scene.points)
    each = -(-len(scene.points) // len(columns))
    top = max([scene.threshold * 1.25, *(c.statistic or 0.0 for c in columns)])
    of = "one window each" if each == 1 else f"the worst of {each} windows each"
    yield scene.measures
    yield f"over time, {of}: what is certain in █, what was seen in ░"
    tolerated = min(HEIGHT - 1, int(scene.threshold / top * HEIGHT))
    for row in reversed(range(HEIGHT)):
        empty = "┄" if row == tolerated else " "
        cells = "".join(_cell(c, row, top, empty) for c in columns)
        edge = f"{scene.threshold:.3g} tolerated" if row == tolerated else f"{top:.3g}" if row == HEIGHT - 1 else ""
        yield f"{edge:>16} │{cells}"
    yield f"{'0':>16} └{''.join(_foot(c) for c in columns)}"
    first, last = _moment(scene.points[0].end), _moment(scene.points[-1].end)
    yield " " * 18 + f"{first}{last + ' UTC':>{max(len(columns) - len(first), len(last) + 6)}}"
    yield " " * 18 + "x beyond for certain   ? not certain   . nothing measured"


def _columns(points: Sequence[Point]) -> list[Point]:
    """Put neighbours together until all fit: of each group the worst is shown."""
    each = -(-len(points) // COLUMNS)
    groups = [points[start : start + each] for start in range(0, len(points), each)]
    return [
        max(group, key=lambda p: (p.verdict is Verdict.BREACH, p.bound or 0.0, p.statistic or 0.0)) for group in groups
    ]


def _cell(point: Point, row: int, top: float, empty: str) -> str:
    certain, seen = ((value or 0.0) / top * HEIGHT - row for value in (point.bound, point.statistic))
    if certain > 0:
        return RISING[max(1, min(8, round(certain * 8)))]
    return "░" if seen > 0.5 else empty


def _foot(point: Point) -> str:
    marks = {Verdict.BREACH: "x", Verdict.INCONCLUSIVE: "?", Verdict.NO_DATA: ".", Verdict.HEALTHY: "─"}
    return marks[point.verdict]


def _moment(when: datetime) -> str:
    return f"{when:%m-%d %H:%M}"
