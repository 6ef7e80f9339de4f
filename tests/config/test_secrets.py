"""Secrets are taken out of what others say, however they spell them."""

import html
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from medianest.config import Secrets, Settings

TOKEN = 'Ab+/9=="x&<zY'


@pytest.mark.parametrize(
    "spelt",
    [
        TOKEN,
        json.dumps(TOKEN),
        json.dumps(TOKEN).replace("/", r"\/"),
        json.dumps(TOKEN).replace("+", r"\u002B").replace("=", r"\u003d"),
        quote(TOKEN, ""),
        quote(TOKEN, "").lower().replace("ab", "Ab").replace("zy", "zY"),
        html.escape(TOKEN),
        html.escape(TOKEN).replace("&quot;", "&#34;").replace("&lt;", "&#x3C;"),
    ],
)
def test_each_usual_spelling_is_found(spelt: str) -> None:
    secrets = Secrets([TOKEN])
    assert secrets.hidden(f"a {spelt} b {spelt}").count("********") == 2
    assert b"zY" not in secrets.hidden(spelt.encode())


def test_what_holds_none_is_the_same_object() -> None:
    body = b"x" * 1000
    assert Secrets([TOKEN]).hidden(body) is body


def test_a_short_one_is_not_looked_for() -> None:
    """Keeps out: answers in which each "plex" is masked, which tells the password."""
    assert Secrets(["plex", ""]).hidden("the plex of plex") == "the plex of plex"


def test_one_that_begins_with_another_leaves_no_rest() -> None:
    assert Secrets(["planted-1", "planted-1-and-more"]).hidden("planted-1-and-more") == "********"


def test_all_secrets_of_the_settings_are_known(tmp_path: Path) -> None:
    settings = Settings.load(
        {
            "MEDIANEST_INSTANCE_PATH": str(tmp_path),
            "MEDIANEST_OPERATOR_TOKEN": "planted-operator",
            "MEDIANEST_PLEX_TOKEN": "planted-plex",
            "MEDIANEST_OVERSEERR_API_KEY": "planted-overseerr",
            "MEDIANEST_DATABASE_URL": "postgresql://mn:planted%2Fpostgres@db/mn",
            "MEDIANEST_REDIS_URL": "redis://:planted-redis@cache/0",
            "MEDIANEST_ALERTS_URLS": "json://me:planted-apprise@h/p?token=planted-query",
        }
    )
    said = (
        "planted-operator planted-plex planted-overseerr planted/postgres planted%2Fpostgres "
        "planted-redis planted-apprise planted-query"
    )
    assert set(Secrets.of(settings).hidden(said).split()) == {"********"}
    assert Secrets.of(settings).hidden("db cache mn me h") == "db cache mn me h"


def test_a_password_that_is_the_users_name_is_none(tmp_path: Path) -> None:
    url = "postgresql://medianest:medianest@db/medianest"
    settings = Settings.load(
        {"MEDIANEST_INSTANCE_PATH": str(tmp_path), "MEDIANEST_DATABASE_URL": url}
    )
    assert Secrets.of(settings).hidden("medianest") == "medianest"
