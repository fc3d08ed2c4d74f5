"""What a person sees who follows a link: all that he needs to decide, and a form. Only the POST acts."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import httpx
import pytest

from daemon.domain.remediation import State
from daemon.store import approvals, remediations
from daemon.web import pages
from tests.remediate.waiting import NOW, asking, waiting
from tests.web.desks import House
from tests.web.seen import failing

WORD = {"by": "ada", "reason": "looked at it"}


class Wellformed(HTMLParser):
    """Fails where a tag is closed that is not open."""

    VOID = ("meta", "input", "br", "!doctype")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe"), "nothing from elsewhere"
        if tag == "form":
            self.forms.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(answer: httpx.Response, status: int = 200) -> Wellformed:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name, value in pages.HEADERS.items():
        assert answer.headers[name] == value
    page = Wellformed()
    page.feed(answer.text)
    assert page.open == []
    return page


@pytest.mark.parametrize(("verb", "button"), [("approve", "Approve"), ("reject", "Reject")])
def test_the_page_shows_the_plan_the_evidence_and_a_form_and_changes_nothing(
    house: House, stranger: httpx.Client, verb: str, button: str
) -> None:
    one = waiting(house.store)
    before = house.rows()
    link = house.link(one, verb)
    for _ in range(3):
        page = seen(stranger.get(link))
    assert page.forms == [{"method": "post"}], "it is sent to the very address of the page"
    for words in (
        f"{button} rollback of flights?",
        "version 3 fails: roll back to version 2",
        "traffic: version 3 at 100 % becomes version 2 at 100 %",
        "error_rate_5xx",
        "0.27",
        "nobody has said yes yet",
        one.plan_hash[:16],
        "until 2026-03-02 12:00:00 UTC",
    ):
        assert words in page.text, words
    assert stranger.head(link).status_code == 200
    assert house.rows() == before
    assert not house.events("web.refused")


def test_the_page_holds_the_picture_of_what_was_found_and_no_other_address(
    house: House, stranger: httpx.Client
) -> None:
    one = waiting(house.store, evidence={"findings": [failing(house.store)]})
    answer = stranger.get(house.link(one))
    page = seen(answer)
    assert answer.text.count("<svg ") == 1
    assert "tolerated: 0.1" in page.text
    assert "3 of them beyond" in page.text, "said for whoever cannot see it"
    assert not re.search(r"(src|href)=", answer.text)


@pytest.mark.parametrize(("verb", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_the_form_takes_the_word_once(house: House, stranger: httpx.Client, verb: str, state: str) -> None:
    one = waiting(house.store)
    link = house.link(one, verb)
    page = seen(stranger.post(link, data=WORD))
    assert f"is {state}" in page.text
    assert page.forms == []
    assert house.state(one) == state
    (event,) = house.events("person.")
    assert (event.numbers["by"], event.numbers["via"]) == ("ada", "a link")
    again = seen(stranger.post(link, data={"by": "bob", "reason": "me too"}), 409)
    assert "was answered before: ada said" in again.text
    assert "waits for a word no longer" in seen(stranger.get(link), 409).text
    with house.store.read() as tx:
        assert approvals.of(tx, one.id)["plan"].by == "ada"


def test_yes_and_no_use_each_other_up(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    yes, no = house.link(one, "approve"), house.link(one, "reject")
    seen(stranger.post(no, data=WORD))
    seen(stranger.post(yes, data=WORD), 409)
    assert house.state(one) == "rejected"


@pytest.mark.parametrize(
    "form", [{}, {"by": "ada"}, {"reason": "why"}, {"by": " ", "reason": "why"}, {"by": "a", "reason": "\n"}]
)
def test_nobody_answers_without_a_name_and_a_reason(house: House, stranger: httpx.Client, form: dict[str, str]) -> None:
    one = waiting(house.store)
    page = seen(stranger.post(house.link(one), data=form or {"x": ""}), 400)
    assert "must not be empty" in page.text
    assert page.forms, "what was written can be mended"
    assert house.state(one) == "awaiting_approval"


def test_what_was_written_stays_in_the_form_and_is_no_html(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store, sentence='version <b>3</b> fails & "burns"')
    page = seen(stranger.post(house.link(one), data={"by": '"><script>alert(1)</script>', "reason": ""}), 400)
    assert 'version <b>3</b> fails & "burns"' in page.text


def test_a_step_is_answered_by_its_own_link(house: House, stranger: httpx.Client) -> None:
    one = asking(house.store)
    link = house.link(one)
    assert "waits for a word on the step full" in seen(stranger.get(link)).text
    seen(stranger.post(link, data=WORD))
    with house.store.read() as tx:
        assert approvals.of(tx, one.id)["ask-full"].granted
    assert house.state(one) == "executing"


def test_the_link_of_the_plan_is_none_for_a_step(house: House, stranger: httpx.Client) -> None:
    one = asking(house.store)
    seen(stranger.post(house.link(one, gate="plan"), data=WORD), 409)
    with house.store.read() as tx:
        assert approvals.of(tx, one.id) == {}


def test_a_plan_that_was_made_anew_is_not_answered_by_an_old_link(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    link = house.link(one, plan_hash="0" * 64)
    assert "planned anew" in seen(stranger.get(link), 409).text
    assert "that is not its plan" in seen(stranger.post(link, data=WORD), 409).text
    assert house.state(one) == "awaiting_approval"


def test_a_link_expires_with_the_time_for_an_answer(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    link = house.link(one)
    house.now = NOW + timedelta(days=1)
    seen(stranger.get(link))
    house.now += timedelta(seconds=1)
    assert "This link has expired." in seen(stranger.get(link), 401).text
    seen(stranger.post(link, data=WORD), 401)
    assert house.state(one) == "awaiting_approval"
    assert len(house.events("web.refused")) == 2


def test_a_link_cannot_be_made_to_last(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    link = house.link(one)
    longer = re.sub(r"until=\d+", "until=9999999999", link)
    assert "not valid" in seen(stranger.post(longer, data=WORD), 401).text


def test_a_link_of_somebody_elses_key_is_none(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    seen(stranger.post(house.link(one, key="x" * 32), data=WORD), 401)
    house.desk.credentials = type(house.desk.credentials)(token="t" * 32)
    seen(stranger.post(house.link(one), data=WORD), 401)
    assert house.state(one) == "awaiting_approval"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"by=ada&reason=x", "text/plain", 415),
        (b"by=ada&reason=x", "multipart/form-data; boundary=x", 415),
        (b"&".join([b"x=1"] * 1000), "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"by=" + b"a" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_another_body_than_that_of_the_form_is_refused(
    house: House, stranger: httpx.Client, content: bytes, kind: str, status: int
) -> None:
    one = waiting(house.store)
    seen(stranger.post(house.link(one), content=content, headers={"Content-Type": kind}), status)
    assert house.state(one) == "awaiting_approval"


def test_a_link_to_what_is_gone_says_so(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    assert "no remediation" in seen(stranger.get(house.link(one, remediation="gone")), 404).text


def test_what_was_superseded_meanwhile_is_shown_as_it_is(house: House, stranger: httpx.Client) -> None:
    one = waiting(house.store)
    link = house.link(one)
    with house.store.begin() as tx:
        remediations.move(tx, one, State.SUPERSEDED, now=NOW, outcome="somebody else was here")
    assert "is superseded" in seen(stranger.get(link), 409).text
    assert "somebody else was here" in seen(stranger.post(link, data=WORD), 409).text
