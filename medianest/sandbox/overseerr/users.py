"""Who may ask the server for something, and what they may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ADMIN", "USERS", "User", "user_json"]

ADMIN: Final = 1
"""The owner, who manages everything, and whom the API key stands for."""
MANAGE: Final = 2
REQUEST: Final = 32


@dataclass(frozen=True)
class User:
    """One user."""

    id: int
    name: str
    permissions: int = REQUEST
    quota: int | None = None
    """So many movies, or seasons, a week."""

    @property
    def may_request(self) -> bool:
        """Whether they may request anything."""
        return bool(self.permissions & (MANAGE | REQUEST))


USERS: Final[Mapping[int, User]] = {
    user.id: user
    for user in (
        User(ADMIN, "admin", MANAGE),
        User(2, "greedy", quota=1),  # and it is used up
        User(3, "onlooker", permissions=0),
        User(4, "guest"),
    )
}


def user_json(user: User, requests: int) -> dict[str, Any]:
    """One user, who has made so many requests."""
    days = None if user.quota is None else 7
    return {
        "permissions": user.permissions,
        "id": user.id,
        "email": f"{user.name}@example.test",
        "plexUsername": None,
        "username": user.name,
        "recoveryLinkExpirationDate": None,
        "userType": 2,
        "plexId": None,
        "avatar": "/os_logo_square.png",
        "movieQuotaLimit": user.quota,
        "movieQuotaDays": days,
        "tvQuotaLimit": user.quota,
        "tvQuotaDays": days,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "requestCount": requests,
        "displayName": user.name,
    }
