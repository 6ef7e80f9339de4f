"""What one process tells, the others hear; what they cannot read harms nobody."""

from medianest.peers.bulletins import Bulletins
from medianest.peers.codec import decoded, encoded
from medianest.peers.messages import Bulletin, Message


def test_what_is_told_is_what_is_heard() -> None:
    sent: list[Message] = []
    Bulletins(sent.append).tell("checks", {"plex": [1, None, "é"]})
    (message,) = sent
    assert decoded(encoded("1.10.a", message)) == ("1.10.a", message)


def test_who_wants_to_know_is_told() -> None:
    heard: list[object] = []
    bulletins = Bulletins(lambda message: None)
    bulletins.on("checks", lambda sender, body: heard.append((sender, body["plex"])))
    bulletins.hear("1.10.a", Bulletin("checks", {"plex": "well"}))
    bulletins.hear("1.10.a", Bulletin("something later", {}))
    bulletins.hear("1.10.a", Bulletin("checks", {}))
    assert heard == [("1.10.a", "well")]


def test_what_has_no_body_is_no_bulletin() -> None:
    assert decoded(b'{"v":1,"from":"a","says":"Bulletin","topic":"checks","body":[]}') is None
