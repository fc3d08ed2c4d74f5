"""A scene as an SVG: few marks, legible on light and on dark, no script, nothing from elsewhere."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from textwrap import wrap

from daemon.domain.finding import Verdict
from daemon.picture.scene import Bars, Point, Scene
from daemon.picture.ticks import moments, numbers

WIDTH = 760
LEFT, RIGHT = 64, 20
"""Room for the scale, and for the last label of an axis."""
NAMES_LEFT = 190
LINE_H, TIME_H, ROW_H = 150, 150, 26
MOST_LETTERS = 26
LETTER = 7.2
"""Width of a letter, about."""

LIGHT = {
    "ground": "#ffffff",
    "ink": "#1f2328",
    "soft": "#59636e",
    "rule": "#d1d9e0",
    "before": "#a3acb6",
    "now": "#0b62c4",
    "bad": "#c0262d",
}
DARK = {
    "ground": "#0d1117",
    "ink": "#e6edf3",
    "soft": "#9198a1",
    "rule": "#30363d",
    "before": "#6b7684",
    "now": "#6cb0ff",
    "bad": "#ff7b72",
}
SHAPES = (
    ".pic { font: 13px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; } .pic .soft { font-size: 12px; } "
    ".pic .title { font-size: 16px; font-weight: 600; } .pic .veil { fill-opacity: .3; } "
    ".pic .edge, .pic .seen, .pic .own { fill: none; } .pic .own { stroke-dasharray: 1 3; stroke-width: 1.5; } "
    " .pic .edge { stroke-width: 1.8; } .pic .seen { stroke-opacity: .6; } "
    ".pic .limit { stroke-width: 1.5; stroke-dasharray: 6 4; } .pic .gap { stroke-dasharray: 2 3; }"
)


def _colours(of: Mapping[str, str]) -> str:
    """Return the rules of one set of colours, spelled out: not every program that shows an SVG knows variables."""
    fills = {
        "ground": "ground",
        "text": "ink",
        "soft": "soft",
        "before": "before",
        "now": "now",
        "veil": "now",
        "bad": "bad",
    }
    strokes = {"rule": "rule", "edge": "now", "seen": "now", "limit": "bad", "gap": "ink", "own": "soft"}
    rules = [f".pic {'' if kind == 'text' else '.'}{kind} {{ fill: {of[name]}; }}" for kind, name in fills.items()]
    return " ".join([*rules, *(f".pic .{kind} {{ stroke: {of[name]}; }}" for kind, name in strokes.items())])


STYLE = f"{SHAPES} {_colours(LIGHT)} @media (prefers-color-scheme: dark) {{ {_colours(DARK)} }}"


def svg(scene: Scene) -> str:
    """Return the picture as one element, which is a file as well."""
    body, y = list(_head(scene)), 0.0
    y = 36 + 18 * len(_wrapped(scene.sentence))
    drawn, y = _distributions(scene, y + 14)
    body += drawn
    drawn, y = _over_time(scene, y + 20)
    body += drawn
    height = round(y + 12)
    key = _key(scene.id)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="pic" role="img" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" style="max-width: 100%; height: auto" '
            f'aria-labelledby="{key}-title {key}-desc">',
            f'<title id="{key}-title">{_text(scene.id)}</title>',
            f'<desc id="{key}-desc">{_text(described(scene))}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
            *body,
            "</svg>\n",
        ]
    )


def described(scene: Scene) -> str:
    """Say what the picture shows, for whoever cannot see it."""
    beyond = sum(point.verdict is Verdict.BREACH for point in scene.points)
    gap = f" {scene.bars.gap.words.capitalize()}." if scene.bars.gap else ""
    return (
        f"{scene.sentence}. The distribution of {scene.bars.about or 'the rows'} in {scene.rows[0]} rows of "
        f"{scene.names[0]} and {scene.rows[1]} of {scene.names[1]}.{gap} Over time: {len(scene.points)} windows, "
        f"{beyond} of them beyond {scene.threshold:.3g} for certain."
    )


def _head(scene: Scene) -> Iterator[str]:
    yield _label(20, 28, scene.id, "title")
    for n, line in enumerate(_wrapped(scene.sentence)):
        yield _label(20, 50 + 18 * n, line)


def _wrapped(sentence: str) -> list[str]:
    return wrap(sentence, 108) or [""]


def _distributions(scene: Scene, y: float) -> tuple[list[str], float]:
    before, now = (f"{name}, {rows:,} rows" for name, rows in zip(scene.names, scene.rows, strict=True))
    legend = [f'<rect class="before" x="20" y="{y}" width="12" height="12"/>', _label(38, y + 11, before)]
    x = 38 + LETTER * len(before) + 24
    legend += [f'<rect class="veil" x="{x}" y="{y}" width="12" height="12"/>']
    legend += [f'<rect class="edge" x="{x}" y="{y}" width="12" height="12"/>', _label(x + 18, y + 11, now)]
    drawn, end = _along(scene.bars, y + 30) if _fits(scene.bars) else _listed(scene.bars, y + 26)
    return legend + drawn, end


def _fits(bars: Bars) -> bool:
    """Tell whether bars stand side by side: stretches of a line, or values short enough to be written below."""
    room = (WIDTH - LEFT - RIGHT) / len(bars.bars)
    return bars.line and all(bar.begins or len(bar.label) * LETTER <= room for bar in bars.bars[1:])


def _along(bars: Bars, y: float) -> tuple[list[str], float]:
    """Draw columns side by side: filled for what was, outlined for what is."""
    each = (WIDTH - LEFT - RIGHT) / len(bars.bars)
    floor, most = y + LINE_H, max(max(bar.before, bar.now) for bar in bars.bars) or 1.0
    ticks = numbers(100 * most, 3)
    scale = LINE_H / max(100 * most, ticks[-1]) * 100
    out = list(_grid(ticks, floor, scale / 100, " %"))
    edge = [f"M {LEFT} {floor}"]
    for n, bar in enumerate(bars.bars):
        x, high, higher = LEFT + n * each, bar.before * scale, bar.now * scale
        out.append(_rect("before", x + 0.5, floor - high, each - 1, high))
        out.append(_rect("veil", x, floor - higher, each, higher, f"{bar.label}: {_percents(bar.before, bar.now)}"))
        edge.append(f"V {floor - higher:.1f} H {x + each:.1f}")
    out.append(f'<path class="edge" d="{" ".join(edge)} V {floor}"/>')
    out += _under(bars, each, floor)
    if bars.gap:
        at = LEFT + bars.gap.at * each
        out.append(f'<line class="gap" x1="{at:.1f}" y1="{y - 8}" x2="{at:.1f}" y2="{floor}"/>')
    words = f"{_short(bars.about, 40)} (dotted: {bars.gap.words})" if bars.gap else _short(bars.about, 80)
    out.append(_label((LEFT + WIDTH - RIGHT) / 2, floor + 36, words, "soft", "middle"))
    return out, floor + 40


def _under(bars: Bars, each: float, floor: float) -> Iterator[str]:
    """Label the edges of stretches, so many as there is room for, or the middle of values."""
    edges = any(bar.begins for bar in bars.bars)
    words = [bar.begins if edges else bar.label for bar in bars.bars]
    step = max(1, math.ceil((max(map(len, words)) * LETTER + 14) / each))
    for n in range(1 if edges else 0, len(words), step):
        yield _label(LEFT + (n if edges else n + 0.5) * each, floor + 17, words[n], "soft", "middle")


def _listed(bars: Bars, y: float) -> tuple[list[str], float]:
    """Draw a pair of bars for each name."""
    most, room = max(max(bar.before, bar.now) for bar in bars.bars) or 1.0, WIDTH - NAMES_LEFT - 150
    out = []
    for bar in bars.bars:
        out.append(_label(NAMES_LEFT - 10, y + 15, _short(bar.label, MOST_LETTERS), "", "end"))
        out.append(_rect("before", NAMES_LEFT, y + 2, max(bar.before / most * room, 0.5), 9))
        out.append(_rect("now", NAMES_LEFT, y + 11, max(bar.now / most * room, 0.5), 9))
        at = NAMES_LEFT + max(bar.before, bar.now) / most * room + 8
        out.append(_label(at, y + 15, _percents(bar.before, bar.now), "soft"))
        y += ROW_H
    if bars.about:
        out.append(_label(NAMES_LEFT, y + 12, _short(bars.about, 60), "soft"))
        y += 18
    return out, y


def _over_time(scene: Scene, y: float) -> tuple[list[str], float]:
    """Draw the statistic, its bound beneath it, and what is tolerated."""
    out = [_label(20, y + 11, f"{scene.measures}, window by window (UTC)")]
    if not scene.points:
        return [*out, _label(20, y + 32, "no window is kept", "soft")], y + 36
    floor = y + 44 + TIME_H
    highest = max([scene.threshold * 1.25, *(max(p.statistic or 0.0, p.own or 0.0) for p in scene.points)])
    ticks = numbers(highest, 3)
    scale = TIME_H / max(highest, ticks[-1])
    first, last = scene.points[0].end, scene.points[-1].end
    span = max(last - first, timedelta(minutes=1))

    def x(when: datetime) -> float:
        return LEFT + 8 + (when - first) / span * (WIDTH - LEFT - RIGHT - 16)

    out += _time_legend(y + 22, scene)
    out += _grid(ticks, floor, scale, "")
    for when, words in moments(first, last, 6):
        room = min(x(when), WIDTH - x(when)) > len(words) * LETTER / 2
        anchor = "middle" if room else "end" if when > first else "start"
        out.append(_label(min(x(when), WIDTH - 8), floor + 17, words, "soft", anchor))
    at = floor - scene.threshold * scale
    out.append(f'<line class="limit" x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}"/>')
    for run in _runs(scene.points, lambda p: p.own):
        own = " L ".join(f"{x(p.end):.1f} {floor - (p.own or 0.0) * scale:.1f}" for p in run)
        out.append(f'<path class="own" d="M {own}"/>')
    for run in _runs(scene.points, lambda p: p.statistic):
        known = [(x(p.end), floor - (p.statistic or 0.0) * scale, floor - (p.bound or 0.0) * scale) for p in run]
        there = " L ".join(f"{a:.1f} {s:.1f}" for a, s, _ in known)
        below = [f"{a:.1f} {b:.1f}" for a, _, b in known]
        out.append(f'<path class="veil" d="M {there} L {" L ".join(reversed(below))} Z"/>')
        out.append(f'<path class="seen" d="M {there}"/>')
        out.append(f'<path class="edge" d="M {" L ".join(below)}"/>')
    for point in scene.points:
        if point.verdict is Verdict.BREACH and point.bound is not None:
            out.append(f'<circle class="bad" cx="{x(point.end):.1f}" cy="{floor - point.bound * scale:.1f}" r="3.2"/>')
    return out, floor + 22


def _time_legend(y: float, scene: Scene) -> Iterator[str]:
    yield f'<line class="seen" x1="20" y1="{y + 7}" x2="38" y2="{y + 7}"/>' + _label(44, y + 11, "seen", "soft")
    yield f'<line class="edge" x1="84" y1="{y + 7}" x2="102" y2="{y + 7}"/>' + _label(108, y + 11, "certain", "soft")
    yield f'<circle class="bad" cx="170" cy="{y + 7}" r="3.2"/>' + _label(179, y + 11, "certainly beyond", "soft")
    yield f'<line class="limit" x1="296" y1="{y + 7}" x2="320" y2="{y + 7}"/>' + _label(
        326, y + 11, f"tolerated: {scene.threshold:.3g}", "soft"
    )
    if any(p.own is not None for p in scene.points):
        yield f'<line class="own" x1="450" y1="{y + 7}" x2="474" y2="{y + 7}"/>'
        yield _label(480, y + 11, "what it does by itself", "soft")


def _grid(ticks: Sequence[float], floor: float, scale: float, unit: str) -> Iterator[str]:
    for tick in ticks:
        y = floor - tick * scale
        yield f'<line class="rule" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield _label(LEFT - 8, y + 4, f"{tick:.4g}{unit}", "soft", "end")


def _runs(points: Sequence[Point], value: Callable[[Point], float | None]) -> Iterator[list[Point]]:
    """Yield stretches of windows that have a value: nothing is drawn over a gap."""
    run: list[Point] = []
    for point in points:
        if value(point) is None:
            if run:
                yield run
            run = []
        else:
            run.append(point)
    if run:
        yield run


def _rect(kind: str, x: float, y: float, width: float, height: float, title: str = "") -> str:
    inside = f"><title>{_text(title)}</title></rect>" if title else "/>"
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{inside}'


def _label(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}"{placed}>{_text(words)}</text>'


def _percents(before: float, now: float) -> str:
    return f"{100 * before:.3g} %, now {100 * now:.3g} %"


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def _key(name: str) -> str:
    """Return a name that an HTML id may be: a page can hold several pictures."""
    return "pic-" + "".join(c if c.isascii() and c.isalnum() else "-" for c in name)


def _text(value: str) -> str:
    """Escape, and leave out what XML cannot hold: a column may be named anything."""
    return escape("".join(c for c in value if c.isprintable()), quote=True)
