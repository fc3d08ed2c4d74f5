"""The picture is well-formed, says in words what it shows, and keeps within its frame."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from daemon.picture.scene import Bar, Bars, Scene
from daemon.picture.svg import LETTER, svg
from tests.picture.scenes import point, scene

SVG = "{http://www.w3.org/2000/svg}"
FONT = 0.55
"""Width of a letter to its size, about, in the widest of the fonts that are asked for."""


def parsed(of: Scene) -> ElementTree.Element:
    return ElementTree.fromstring(svg(of))


def texts(of: Scene) -> list[str]:
    return [e.text or "" for e in parsed(of).iter(f"{SVG}text")]


NAMES = Bars("carrier", tuple(Bar(f"carrier number {n}", 0.1, 0.09 * (n > 0)) for n in range(10)), line=False)
MANY = tuple(point(n, 0.2 * (n % 7) / 7, 0.01 * (n % 12)) for n in range(288))
OWN = tuple(replace(one, own=0.2 if n < 200 else None) for n, one in enumerate(MANY))
SCENES = {
    "its own history": scene(points=OWN),
    "a line": scene(),
    "names": scene(bars=NAMES),
    "no gap": scene(bars=Bars("x", (Bar("any", 0, 0),), line=True)),
    "one point": scene(points=(point(0),)),
    "no point": scene(points=()),
    "days": scene(points=MANY),
    "long": scene(sentence="a " * 300, id="e:1:" + "x" * 60 + "/ks"),
    "weeks": scene(points=(point(0), point(96 * 40))),
}


@pytest.mark.parametrize("name", SCENES)
def test_it_is_well_formed_and_says_what_it_shows(name: str) -> None:
    root = parsed(SCENES[name])
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert title is not None
    assert desc is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == SCENES[name].id
    assert "tolerance" in (desc.text or "") or name == "long"
    assert not list(root.iter(f"{SVG}script"))
    assert "http" not in svg(SCENES[name]).replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", SCENES)
def test_no_label_and_no_mark_leaves_the_frame(name: str) -> None:
    root = parsed(SCENES[name])
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    for label in root.iter(f"{SVG}text"):
        x, wide = float(label.attrib["x"]), LETTER * len(label.text or "") * FONT / 0.6
        left = {"middle": x - wide / 2, "end": x - wide}.get(label.attrib.get("text-anchor", ""), x)
        assert left >= -1, label.text
        assert left + wide <= width + 1, label.text
        assert 0 < float(label.attrib["y"]) < height
    for mark in [*root.iter(f"{SVG}circle"), *root.iter(f"{SVG}rect")]:
        assert -1 <= float(mark.get("cx", mark.get("x", "0"))) <= width
        assert -1 <= float(mark.get("cy", mark.get("y", "0"))) <= height


@pytest.mark.parametrize("name", SCENES)
def test_no_label_lies_upon_another(name: str) -> None:
    boxes = []
    for label in parsed(SCENES[name]).iter(f"{SVG}text"):
        x, y, wide = float(label.attrib["x"]), float(label.attrib["y"]), LETTER * len(label.text or "") * FONT / 0.6
        left = {"middle": x - wide / 2, "end": x - wide}.get(label.attrib.get("text-anchor", ""), x)
        boxes.append((left, left + wide, y, label.text))
    for n, (left, right, y, words) in enumerate(boxes):
        for other_left, other_right, other_y, other in boxes[:n]:
            apart = abs(y - other_y) >= 12 or right <= other_left or other_right <= left
            assert apart, f"{words!r} on {other!r}"


def test_whatever_is_certainly_beyond_has_a_mark_and_nothing_else() -> None:
    points = (point(0), point(1, 0.3, 0.2), point(2, 0.3, 0.05), point(3, None, None))
    assert len(list(parsed(scene(points=points)).iter(f"{SVG}circle"))) == 1 + 1, "and the one that explains them"


def test_nothing_is_drawn_over_windows_without_an_answer() -> None:
    points = (point(0), point(1), point(2, None, None), point(3), point(4))
    edges = [p for p in parsed(scene(points=points)).iter(f"{SVG}path") if p.get("class") == "seen"]
    assert [p.attrib["d"].count("L") for p in edges] == [1, 1]


def test_what_a_column_does_by_itself_is_drawn_where_it_is_known_and_explained() -> None:
    (line,) = [p for p in parsed(SCENES["its own history"]).iter(f"{SVG}path") if p.get("class") == "own"]
    assert line.attrib["d"].count("L") == 199
    assert "what it does by itself" in texts(SCENES["its own history"])
    assert "what it does by itself" not in texts(SCENES["days"])


def test_a_bar_is_as_high_as_its_share() -> None:
    bars = [r for r in parsed(scene()).iter(f"{SVG}rect") if r.get("class") == "before"][1:]
    heights = [float(r.attrib["height"]) for r in bars]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    assert heights[1] == heights[2]


def test_a_name_that_means_something_to_xml_is_only_a_name() -> None:
    hostile = "e:1:<script>alert(1)</script>&\"'\x00\x1b\ufffe/ks"
    root = parsed(scene(id=hostile, sentence=hostile, names=(hostile, hostile)))
    assert not list(root.iter(f"{SVG}script"))
    assert "<script>" in "".join(root.itertext())


def test_both_palettes_are_spelled_out() -> None:
    style = parsed(scene()).find(f"{SVG}style")
    assert style is not None
    assert "prefers-color-scheme: dark" in (style.text or "")
    assert "var(" not in (style.text or ""), "not every program that shows an SVG knows variables"


def test_the_threshold_is_named_where_it_is_drawn() -> None:
    assert "tolerated: 0.1" in texts(scene())
