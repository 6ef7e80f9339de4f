"""Sessions: whose they are, how long they last, and what a stolen cookie is good for."""

from pathlib import Path

import pytest

from medianest.config import Settings
from medianest.page.session import CODE_SECONDS, NOTICE_SECONDS, Session, Sessions, login_link
from medianest.resilience import ManualClock
from medianest.web.auth import session_key
from tests.support.narrowing import not_none

HOME, ELSEWHERE = "192.168.1.7", "192.168.1.9"


def settings_with(tmp_path: Path, **tokens: str) -> Settings:
    return Settings.load(
        overrides={"env": "testing", "instance_path": str(tmp_path), **tokens}, environ={}
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(tmp_path, operator_token="the-operator-token")


@pytest.fixture
def sessions(settings: Settings, clock: ManualClock, tmp_path: Path) -> Sessions:
    return sessions_of(settings, clock, tmp_path / "codes")


def sessions_of(settings: Settings, clock: ManualClock, marks: Path) -> Sessions:
    token = settings.operator_token
    secret = None if token is None else token.get_secret_value()
    return Sessions(not_none(session_key(settings)), secret, clock, marks)


def code_of(settings: Settings, clock: ManualClock) -> str:
    token = not_none(settings.operator_token).get_secret_value()
    return login_link(token, "http://nas:8000", clock).partition("#")[2]


def test_a_session_is_known_again_by_every_worker(
    sessions: Sessions, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    cookie, session = sessions.begin("operator", None)
    other = sessions_of(settings, clock, tmp_path / "codes")
    assert other.find(cookie, HOME) == session
    assert session.role == "operator"


@pytest.mark.parametrize("cookie", ["", "x", "e30.x", None])
def test_what_is_not_ours_is_no_session(sessions: Sessions, cookie: str | None) -> None:
    assert sessions.find(cookie, HOME) is None


def test_a_cookie_that_was_changed_is_no_session(sessions: Sessions) -> None:
    cookie, _ = sessions.begin("viewer", None)
    assert sessions.find("A" + cookie[1:], HOME) is None


def test_a_session_is_over_after_a_week(sessions: Sessions, clock: ManualClock) -> None:
    cookie, _ = sessions.begin("viewer", None)
    clock.advance(7 * 86_400 - 1)
    assert sessions.find(cookie, HOME) is not None
    clock.advance(1)
    assert sessions.find(cookie, HOME) is None


def test_without_a_script_it_holds_for_its_address_and_an_hour(
    sessions: Sessions, clock: ManualClock
) -> None:
    cookie, session = sessions.begin("operator", HOME)
    assert sessions.find(cookie, HOME) == session
    assert sessions.find(cookie, ELSEWHERE) is None
    clock.advance(3600)
    assert sessions.find(cookie, HOME) is None


def test_with_a_script_the_cookie_alone_proves_nothing(sessions: Sessions) -> None:
    """Every service on another port of the host gets the cookie, and none the proof."""
    cookie, session = sessions.begin("operator", None)
    _, another = sessions.begin("operator", None)
    assert sessions.is_proven(session, sessions.proof(session))
    for proof in ("", cookie, "é", sessions.proof(another)):
        assert not sessions.is_proven(session, proof)


def test_without_a_script_the_address_is_the_proof(sessions: Sessions) -> None:
    _, session = sessions.begin("operator", HOME)
    assert sessions.is_proven(session, "")


@pytest.mark.parametrize("changed", ["operator_token", "viewer_token"])
def test_another_token_ends_all_sessions(changed: str, clock: ManualClock, tmp_path: Path) -> None:
    tokens = {"operator_token": "the-operator-token", "viewer_token": "the-viewer-token"}
    before = sessions_of(settings_with(tmp_path, **tokens), clock, tmp_path)
    cookie, _ = before.begin("operator", None)
    changed_tokens = {**tokens, changed: "quite-another-token"}
    after = sessions_of(settings_with(tmp_path, **changed_tokens), clock, tmp_path)
    assert before.find(cookie, HOME) is not None
    assert after.find(cookie, HOME) is None


def test_tokens_are_told_apart_wherever_one_ends(tmp_path: Path) -> None:
    found = {
        session_key(settings_with(tmp_path, operator_token="ab", viewer_token="c")),
        session_key(settings_with(tmp_path, operator_token="a", viewer_token="bc")),
        session_key(settings_with(tmp_path, viewer_token="abc")),
    }
    assert len(found) == 3


def test_without_tokens_nobody_can_log_in(tmp_path: Path, clock: ManualClock) -> None:
    assert session_key(settings_with(tmp_path)) is None
    viewers = sessions_of(settings_with(tmp_path, viewer_token="x"), clock, tmp_path)
    code = login_link("x", "http://nas", clock).partition("#")[2]
    assert viewers.redeem(code) is None  # a viewer's token makes no operator


def test_a_code_logs_in_once(sessions: Sessions, settings: Settings, clock: ManualClock) -> None:
    code = code_of(settings, clock)
    assert sessions.redeem(code) == "operator"
    assert sessions.redeem(code) is None


def test_no_other_worker_takes_a_code_again(
    sessions: Sessions, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    code = code_of(settings, clock)
    other = sessions_of(settings, clock, tmp_path / "codes")
    assert sessions.redeem(code) == "operator"
    assert other.redeem(code) is None


def test_a_code_is_good_for_a_minute(
    sessions: Sessions, settings: Settings, clock: ManualClock
) -> None:
    code, late = code_of(settings, clock), code_of(settings, clock)
    clock.advance(CODE_SECONDS - 1)
    assert sessions.redeem(code) == "operator"
    clock.advance(1)
    assert sessions.redeem(late) is None


def test_a_cookie_is_no_code_and_a_code_no_cookie(
    sessions: Sessions, settings: Settings, clock: ManualClock
) -> None:
    cookie, _ = sessions.begin("viewer", None)
    assert sessions.redeem(cookie) is None
    assert sessions.find(code_of(settings, clock), HOME) is None


def test_codes_work_where_nothing_can_be_written(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    sessions = sessions_of(settings, clock, tmp_path / "file" / "codes")
    code = code_of(settings, clock)
    assert sessions.redeem(code) == "operator"
    assert sessions.redeem(code) is None


def test_marks_of_old_codes_go(
    sessions: Sessions, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    for _ in range(3):
        sessions.redeem(code_of(settings, clock))
    assert len(list((tmp_path / "codes").iterdir())) == 3
    clock.advance(2 * CODE_SECONDS + 1)
    sessions.redeem(code_of(settings, clock))
    assert len(list((tmp_path / "codes").iterdir())) == 1


def test_what_is_no_mark_is_no_reason_to_take_a_code_twice(
    sessions: Sessions, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    """Keeps out: a mark that another worker removes meanwhile, or a folder, leaves none written."""
    (tmp_path / "codes" / "folder").mkdir(parents=True)
    (tmp_path / "codes" / "gone").symlink_to("nowhere")
    clock.advance(2 * CODE_SECONDS)
    code = code_of(settings, clock)
    assert sessions.redeem(code) == "operator"
    assert sessions_of(settings, clock, tmp_path / "codes").redeem(code) is None


def test_nobody_else_writes_notices(sessions: Sessions) -> None:
    assert sessions.read_notice(sessions.notice("it is done")) == "it is done"
    assert sessions.read_notice("it is done") is None


def test_a_session_of_a_role_that_has_none_is_none(sessions: Sessions) -> None:
    cookie, _ = sessions.begin("client", None)
    assert sessions.find(cookie, HOME) is None


def test_a_session_is_what_it_was_made_of() -> None:
    assert Session("viewer", 1.0, "x") == Session("viewer", 1.0, "x", None)


def test_a_notice_is_news_for_a_moment_only(sessions: Sessions, clock: ManualClock) -> None:
    """Keeps out: "is held open", for whoever loads the page anew an hour later."""
    signed = sessions.notice("it is done")
    clock.advance(NOTICE_SECONDS)
    assert sessions.read_notice(signed) == "it is done"
    clock.advance(0.1)
    assert sessions.read_notice(signed) is None
    clock.set_by(-3600)  # one of a time to come would be news for all of it
    assert sessions.read_notice(signed) is None
