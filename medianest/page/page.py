"""The pages as a blueprint."""

from __future__ import annotations

from typing import Final

from flask import Blueprint
from flask.sansio.blueprints import BlueprintSetupState

from medianest.page import details, forms, lists, views
from medianest.page.common import pages
from medianest.page.live import DRAWINGS, Drawings
from medianest.page.sections import Section

__all__ = ["page_blueprint"]

MODULES: Final = (views, details, lists, forms)
"""Whose views every page has, now that they are imported."""


def page_blueprint(*more: Section) -> Blueprint:
    """A new blueprint with what every page has, and more."""
    made = Blueprint("page", __package__, static_folder="static", static_url_path="/assets")
    for section in (pages, *more):
        section.add_to(made)
    made.record(_keep_drawings)
    return made


def _keep_drawings(state: BlueprintSetupState) -> None:
    state.app.extensions[DRAWINGS] = Drawings()
