"""The same picture in a terminal."""

from daemon.picture.scene import Bar, Bars
from daemon.picture.text import COLUMNS, lines
from tests.picture.scenes import point, scene


def test_the_lines_fit_a_terminal() -> None:
    names = Bars("x" * 80, (Bar("y" * 200, 0.5, 0.25),), line=False)
    for shown in (scene(), scene(bars=names), scene(points=tuple(point(n) for n in range(1000))), scene(points=())):
        assert max(map(len, lines(shown))) <= 100


def test_a_bar_is_as_long_as_its_share() -> None:
    first, second, third = lines(scene())[1:4]
    assert third.endswith("█" * 24 + "  60.0 %"), "the largest share is the longest bar"
    assert (first.count("█"), second.count("█")) == (20 + 4, 10 + 12)
    assert "50.0 %" in first


def test_what_is_certainly_beyond_is_marked_window_by_window() -> None:
    points = (point(0), point(1, 0.3, 0.2), point(2, None, None))
    foot = next(line for line in lines(scene(points=points)) if "└" in line)
    assert foot.partition("└")[2] == "─x."


def test_of_windows_that_share_a_column_the_worst_is_shown() -> None:
    points = tuple(point(n, 0.5, 0.4 if n == 501 else 0.0) for n in range(1000))
    foot = next(line for line in lines(scene(points=points)) if "└" in line).partition("└")[2]
    assert len(foot) <= COLUMNS
    assert foot.count("x") == 1


def test_the_statistic_reaches_above_its_bound_and_the_limit_has_a_name() -> None:
    said = lines(scene(points=(point(0, 0.4, 0.2),)))
    column = [line.partition("│")[2] for line in said if "│" in line]
    assert [c.strip() for c in column] == ["░", "░", "░", "█", "█", "█"]
    assert any("0.1 tolerated" in line for line in said)
