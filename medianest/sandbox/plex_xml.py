"""Plex's XML, made of the same containers as its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET

__all__ = ["container_xml"]

# In XML, Plex names the elements of `Metadata` after what kind of thing they are.
ELEMENTS: Final[Mapping[str, str]] = {
    "movie": "Video",
    "episode": "Video",
    "track": "AlertState",
    "show": "Directory",
    "season": "Directory",
    "artist": "Directory",
    "album": "Directory",
}


def container_xml(container: Mapping[str, Any]) -> bytes:
    """The XML document of a MediaContainer."""
    root = ET.Element("MediaContainer")
    _fill(root, container)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _fill(element: ET.Element, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, list):
            for item in value:
                _fill(ET.SubElement(element, _tag(name, item)), item)
        elif isinstance(value, dict):
            _fill(ET.SubElement(element, name), value)
        else:
            element.set(name, _text(value))


def _tag(name: str, item: Mapping[str, Any]) -> str:
    return ELEMENTS.get(item.get("type", ""), "Video") if name == "Metadata" else name


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
