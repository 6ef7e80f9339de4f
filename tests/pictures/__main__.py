"""`python -m tests.pictures FOLDER`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.pictures.house import House, house
from tests.support.browser import open_browser, watched
from tests.support.server import OPERATOR

_SECONDS: Final = 125.0
"""How long people ask before the first picture, so that sparklines are full."""
_COLOURS: Final = 256
"""Of a picture: nobody sees a difference, and it is a third of the size."""

_DESK: Final = {"viewport": {"width": 1240, "height": 900}}
_PHONE: Final = {
    "viewport": {"width": 360, "height": 780}, "device_scale_factor": 2, "is_mobile": True,
    "has_touch": True,
}  # fmt: skip
_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {**_DESK, "color_scheme": "light"},
    "dark": {**_DESK, "color_scheme": "dark"},
    "phone": {**_PHONE, "color_scheme": "light"},
}
_PANELS: Final = (
    "verdict", "switchboard", "alerts", "queue", "happened", "routes", "recovery",
)  # fmt: skip


class Camera:
    """Takes pictures of one server's pages."""

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self._browser, self._url, self._folder = browser, url, folder

    def front(self, name: str) -> None:
        """The front page, in each look."""
        for look, options in _LOOKS.items():
            with self._page("/", options) as page:
                self._keep(f"{name}-{look}", page.screenshot())

    def page(self, name: str, path: str, look: str) -> None:
        """Another one, in one look."""
        with self._page(path, _LOOKS[look]) as page:
            self._keep(name, page.screenshot())

    def part(
        self, name: str, path: str, part: str, do: Callable[[Page], Any] | None = None
    ) -> None:
        """One panel, after something was done on the page."""
        with self._page(path, _LOOKS["light"]) as page:
            if do is not None:
                do(page)
            self._keep(name, page.locator(part).screenshot())

    def act(self, path: str, do: Callable[[Page], Any]) -> None:
        """Do something on a page, as an operator does."""
        with self._page(path, _LOOKS["light"]) as page:
            do(page)

    @contextmanager
    def _page(self, path: str, options: dict[str, Any]) -> Iterator[Page]:
        with watched(self._browser, **options) as seen:
            _sign_in(seen.page, self._url)
            seen.page.goto(self._url + path)
            yield seen.page

    def _keep(self, name: str, png: bytes) -> None:
        picture = Image.open(BytesIO(png)).convert("RGB")
        # Other ways merge colours that are rare, such as that of an alert.
        way = Image.Quantize.MAXCOVERAGE
        small = picture.quantize(_COLOURS, way, dither=Image.Dither.NONE)
        small.save(self._folder / f"{name}.png", optimize=True)


def take(folder: Path) -> None:
    """All pictures of the docs."""
    with tempfile.TemporaryDirectory() as instance, house(Path(instance)) as here:
        time.sleep(_SECONDS)
        with open_browser() as browser:
            camera = Camera(browser, here.server.url, folder)
            _well(here, camera)
            _in_trouble(here, camera)
            _recovered(here, camera)


def _well(here: House, camera: Camera) -> None:
    for number in (550, 603, 680):
        here.request_film(number)
    camera.front("well")


def _in_trouble(here: House, camera: Camera) -> None:
    here.leave_a_dead_letter()
    here.server.act(
        "open", "overseerr", reason="moving it to the new disk", expires_in_seconds=3600
    )
    for number in (155, 13, 27205):
        here.request_film(number)
    here.plex.fault("reset")
    here.wait_for_breakers(is_closed=False)
    time.sleep(25)
    camera.front("trouble")
    for name in _PANELS:
        camera.part(f"panel-{name}", "/", f"section[aria-labelledby={name}]")
    camera.part("act", "/breakers/plex-media-server", "#hold", _unfolded)
    camera.page("queue-phone", "/queue", "phone")


def _unfolded(page: Page) -> None:
    page.locator("summary", has_text="Hold it open").click()


def _drop(page: Page) -> None:
    page.locator("summary", has_text="Drop it").click()
    page.get_by_role("button", name="Drop it for good").click()
    page.get_by_text("It is dropped.").wait_for()


def _recovered(here: House, camera: Camera) -> None:
    here.plex.clear_faults()
    here.server.act("enable", "overseerr", reason="it is there")
    here.wait_for_queue("pending", 0)
    camera.act("/queue?state=dead", _drop)
    here.wait_for_queue("dead", 0)
    here.wait_for_breakers(is_closed=True)
    here.wait_for_alerts()
    camera.front("recovered")


def _sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("Token").fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
