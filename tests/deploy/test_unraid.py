"""deploy/unraid: well-formed, and each setting that the template asks for is one."""

from xml.etree import ElementTree

from medianest.config import Settings
from medianest.config.sources import is_secret, variables_of
from tests.support import ROOT
from tests.support.tools import DEPLOY

TEMPLATE = ElementTree.parse(DEPLOY / "unraid" / "medianest.xml").getroot()
ASKED = [dict(each.attrib, value=each.text or "") for each in TEMPLATE.iter("Config")]


def of_type(kind: str) -> dict[str, dict[str, str]]:
    return {each["Target"]: each for each in ASKED if each["Type"] == kind}


def test_each_variable_is_a_setting() -> None:
    assert of_type("Variable").keys() <= variables_of(Settings).keys()


def test_each_secret_is_masked() -> None:
    for name, each in of_type("Variable").items():
        assert (each["Mask"] == "true") is is_secret(name), name


def test_what_must_be_filled_in_and_the_defaults_make_settings() -> None:
    filled = {n: each["value"] or "http://192.168.1.10" for n, each in of_type("Variable").items()
              if each["Required"] == "true"}  # fmt: skip
    settings = Settings.load({**filled, "MEDIANEST_ENV": "production"})
    assert settings.database.migrate is True


def test_it_fits_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (port,), (folder,) = of_type("Port"), of_type("Path")
    assert f"EXPOSE {port}\n" in dockerfile
    assert f"VOLUME {folder}\n" in dockerfile
    assert f"[PORT:{port}]" in (TEMPLATE.findtext("WebUI") or "")
    assert TEMPLATE.findtext("Privileged") == "false"
