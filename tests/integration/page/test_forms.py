"""Every form of the page, by keyboard and without a script: refused, mended and done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.page.conftest import log_in
from tests.integration.page.deeds import FORMS, WHY, Form
from tests.integration.page.home import VIEWER, Home
from tests.support.browser import Watched, everybody_can_read, watched
from tests.support.server import OPERATOR

SIGNING = {("/login", "Sign in"), ("/logout", "Sign out")}
"""Those of everybody, pressed by a test of their own."""


class Keyboard:
    """No mouse, and a page whose script runs."""

    script = True

    def __init__(self, page: Page) -> None:
        self._page = page

    def put(self, field: Locator, text: str) -> None:
        self._reach(field)
        self._page.keyboard.type(text)

    def press(self, button: Locator) -> None:
        self._reach(button)
        self._page.keyboard.press("Enter")

    def _reach(self, wanted: Locator) -> None:
        is_there = "each => each === document.activeElement"
        for _ in range(100):
            if wanted.evaluate(is_there):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"no key leads to {wanted}")


class Mouse:
    """On a page without a script."""

    script = False

    def __init__(self, page: Page) -> None:
        pass

    def put(self, field: Locator, text: str) -> None:
        if field.evaluate("each => each.nodeName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)

    def press(self, button: Locator) -> None:
        button.click()


Hands = type[Keyboard] | type[Mouse]


@pytest.fixture(scope="module", params=[Keyboard, Mouse], ids=["keyboard", "no-script"])
def signed_in(
    request: pytest.FixtureRequest, browser: Browser, home: Home
) -> Iterator[tuple[Watched, Keyboard | Mouse]]:
    """A page of an operator, and by what it is used."""
    by: Hands = request.param
    with watched(browser, java_script_enabled=by.script) as seen:
        log_in(seen.page, home.url)
        if by.script:
            seen.page.clock.install()  # polls are for other tests
        yield seen, by(seen.page)


@pytest.fixture
def operator(signed_in: tuple[Watched, Keyboard | Mouse], home: Home) -> Iterator[Watched]:
    """Complains of nothing, and asks this server alone."""
    seen, _ = signed_in
    seen.asked.clear()
    seen.complaints.clear()
    yield seen
    assert not seen.complaints
    assert seen.hosts == {urlsplit(home.url).netloc}


@pytest.fixture
def hands(signed_in: tuple[Watched, Keyboard | Mouse]) -> Keyboard | Mouse:
    return signed_in[1]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_is_refused_keeps_what_was_typed_and_is_done_when_mended(
    home: Home, operator: Watched, hands: Keyboard | Mouse, form: Form
) -> None:
    page = operator.page
    path, where = form.find(home)
    page.goto(home.url + path)
    shown = page.locator(where)
    fold = shown.locator("xpath=ancestor::details/summary")
    if fold.count():
        expect(shown).to_be_hidden()  # what acts is folded away
        hands.press(fold)
    for label, text in form.typed.items():
        hands.put(shown.get_by_label(label), text)
    if form.wrong is not None:
        shown = refused(page, shown, hands, form)
        operator.complaints.clear()  # Chromium tells of the 422 itself
    hands.press(shown.get_by_role("button", name=form.button, exact=form.button != "Try all"))
    expect(page.get_by_role("status").filter(has_text=form.told)).to_be_visible()
    assert form.holds(home)
    assert "Why" not in form.typed or home.reasons()[0] == WHY
    sent = {urlsplit(each.url).path for each in operator.asked if each.method == "POST"}
    assert {form.rule} == {rule_of(each) for each in sent}


def test_a_form_is_sent_before_the_script_has_come(browser: Browser, home: Home) -> None:
    """Keeps out: "this browser has not signed in here", for who is quicker than the network."""
    with watched(browser) as seen:
        log_in(seen.page, home.url)
        seen.page.route("**/page.js*", lambda route: route.abort())
        seen.page.goto(f"{home.url}/breakers/overseerr")
        seen.page.locator("#close summary").click()
        seen.page.get_by_role("button", name="Reset").click()
        told = seen.page.get_by_role("status").filter(has_text="its figures begin anew")
        expect(told).to_be_visible()
        seen.complaints.clear()  # of the script that did not come


def refused(page: Page, shown: Locator, hands: Keyboard | Mouse, form: Form) -> Locator:
    """The form that is shown again, with the mended field."""
    assert form.wrong is not None
    label, text, said = form.wrong
    unbound = "each => each.removeAttribute('maxlength')"  # which holds back most people
    shown.get_by_label(label).evaluate(unbound)
    shown.get_by_label(label).fill(text)
    hands.press(shown.get_by_role("button", name=form.button, exact=form.button != "Try all"))
    expect(page.get_by_role("alert")).to_contain_text(said)
    again = page.locator("form.act")
    for each, typed in {**form.typed, label: text}.items():
        field = again.get_by_label(each)
        assert field.evaluate("each => each.selectedOptions?.[0].text ?? each.value") == typed
    wrong = again.get_by_label(label)
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    wrong.fill(form.typed[label])
    return again


def rule_of(path: str) -> str:
    """Which rule of the forms a path obeys."""
    rules = [*(form.rule for form in FORMS), *(rule for rule, _ in SIGNING)]
    found = (each for each in rules if re.fullmatch(each.replace("<>", "[^/]+"), path))
    return next(found, f"{path}, of no rule here")


@pytest.mark.parametrize("by", [Keyboard, Mouse])
def test_who_signs_in_with_a_wrong_token_is_told_and_goes_where_they_wanted(
    browser: Browser, home: Home, by: Hands
) -> None:
    with watched(browser, java_script_enabled=by.script) as seen:
        page, hands = seen.page, by(seen.page)
        page.goto(f"{home.url}/login?next=/audit")
        for token in ("not-the-token", OPERATOR):
            hands.put(page.get_by_label("Token"), token)
            hands.press(page.get_by_role("button", name="Sign in"))
            if token != OPERATOR:
                expect(page.get_by_role("alert")).to_contain_text("token")
                expect(page.get_by_label("Token")).to_have_value("")  # a secret is not repeated
                seen.complaints.clear()  # Chromium tells of the 403 itself
        expect(page.get_by_role("heading", name="What operators did")).to_be_visible()
        hands.press(page.get_by_role("button", name="Sign out"))
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
        assert seen.hosts == {urlsplit(home.url).netloc}


class Read(HTMLParser):
    """Where a page leads, and its forms: where each sends, by which button."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.forms: set[tuple[str, str]] = set()
        self._form, self._button = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, found: list[tuple[str, str | None]]) -> None:
        attributes = dict(found)
        if tag == "a":
            self.links.add(urlsplit(attributes["href"] or "").path)
        elif tag == "form":
            self._form = attributes["action"] or ""
        self._button = tag == "button"

    def handle_data(self, data: str) -> None:
        if self._button:
            self.forms.add((rule_of(self._form), data))
            self._button = False


def all_forms(page: Page, home: Home) -> set[tuple[str, str]]:
    """Those of every page to which a link leads from the first."""
    forms: set[tuple[str, str]] = set()
    seen: set[str] = set()
    found = {"/"}
    while found - seen:
        path = min(found - seen)
        seen.add(path)
        answer = page.request.get(home.url + path, headers={"Accept": "text/html"})
        assert answer.ok, path
        read = Read(answer.text())
        found |= {
            each for each in read.links if each and not each.startswith(("/docs", "/metrics"))
        }
        forms |= read.forms
    assert len(seen) > 20
    return forms


@pytest.fixture
def full(home: Home) -> Home:
    """One in which every form is shown somewhere."""
    home.leave_dead_letter()
    if "attic" not in home.names():
        home.watch("attic")
    home.act("open", "plex", reason="before")
    for key in home.silences():
        home.send(f"/alerts/{key}/silence", "DELETE")
    home.send("/alerts/error-rate:overseerr/silence", duration_seconds=600, reason="before")
    return home


def test_every_form_is_pressed_by_a_test(full: Home, browser: Browser) -> None:
    """What the running server offers is what is here, and nothing else."""
    with watched(browser) as seen:
        offered = Read(seen.page.request.get(f"{full.url}/login").text()).forms
        log_in(seen.page, full.url)
        offered |= all_forms(seen.page, full)
    pressed = SIGNING | {(form.rule, form.button) for form in FORMS}
    numbered = r"(?<=^Try all).*|(?<=^Remove).*"
    assert {(rule, re.sub(numbered, "", text)) for rule, text in offered} == {
        (rule, re.sub(numbered, "", text)) for rule, text in pressed
    }


def test_a_viewer_is_shown_no_form_of_operators(full: Home, browser: Browser) -> None:
    with watched(browser) as seen:
        log_in(seen.page, full.url, VIEWER)
        assert all_forms(seen.page, full) == SIGNING  # as an operator


def test_everybody_can_fill_in_every_form(full: Home, browser: Browser) -> None:
    """On a small phone, with all that is folded away opened, and when something was refused."""
    with watched(browser, viewport={"width": 320, "height": 700}) as seen:
        page = seen.page
        log_in(page, full.url)
        for path in ("/breakers/plex", "/alerts", "/queue", "/dependencies/attic", "/dependencies"):
            page.goto(full.url + path)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            reads_well(page)
        page.get_by_label("Name").fill("shed")
        page.get_by_label("Needs").fill("nobody")
        page.get_by_role("button", name="Watch it").click()
        expect(page.get_by_role("alert")).to_contain_text("Needs: ")
        reads_well(page)
        seen.complaints.clear()  # Chromium tells of the 422 itself


def reads_well(page: Page) -> None:
    everybody_can_read(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
