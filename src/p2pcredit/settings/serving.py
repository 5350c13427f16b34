"""Settings of the server: who may ask for what, and how much at a time."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from p2pcredit.settings.group import Group

Role = Literal["read", "score", "decide"]
ROLES: tuple[Role, ...] = ("read", "score", "decide")
_TOKEN = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._@-]{0,63}) ((?:read|score|decide)(?:\+(?:read|score|decide))*) ([0-9a-f]{64})"
)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


class ServingSettings(Group):
    """Who may ask the server for what, and how much at a time.

    No card holds this group: it says who may look and ask, and nothing of how a model is made.
    """

    tokens: tuple[SecretStr, ...] = Field(
        (),
        description="Who may come with a token, one text each: name, roles joined by `+` (`read` pages, `score` "
        "applications, `decide` about models), and the SHA-256 of the token, as `p2pcredit serve --new-token` prints "
        "it.",
    )
    proxy_user_header: str = Field(
        "",
        description="Header in which a reverse proxy names the person whom it has let in, such as `X-Forwarded-User`; "
        "empty trusts none. It counts only from `proxy_addresses`.",
    )
    proxy_addresses: tuple[str, ...] = Field(
        ("127.0.0.1", "::1"),
        description="Addresses from which the proxy comes; its header is no one's word from others.",
    )
    proxy_roles: dict[str, str] = Field(
        {},
        description='Roles of a person whom the proxy names, joined by `+`, such as `"ada" = "read+decide"`; `"*"` is '
        "for all whom no line names. Who has no role may do nothing.",
    )
    mapping: str = Field(
        "",
        description="Platform or YAML file by whose names applications may come beside those of the feeds, with "
        "`?names=mapping`; empty for none.",
    )
    max_body_kilobytes: int = Field(
        4096, ge=16, le=262_144, description="Largest body of a request; a larger one is refused unread."
    )
    max_applications: int = Field(1_000, ge=1, le=10_000, description="Most applications of one request for scores.")
    requests_per_second: float = Field(
        500.0, gt=0, le=100_000, description="Requests a second that one caller may make on average; more are refused."
    )
    burst: int = Field(
        1_000, ge=1, le=100_000, description="Requests that one caller may make at once before the average counts."
    )
    session_minutes: int = Field(
        480, ge=1, le=10_080, description="Minutes for which a browser that signed in with a token stays signed in."
    )

    @model_validator(mode="after")
    def _people_are_readable(self) -> Self:
        for place, token in enumerate(self.tokens, 1):
            if not _TOKEN.fullmatch(token.get_secret_value()):
                raise ValueError(
                    f"token {place} of serving is not a name, roles and a SHA-256; write what 'p2pcredit serve "
                    "--new-token NAME --roles score' prints"
                )
        names = [token.get_secret_value().partition(" ")[0] for token in self.tokens]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise ValueError(f"two tokens of serving have the name '{twice}'; give each a name of its own")
        if self.proxy_user_header and not _HEADER.fullmatch(self.proxy_user_header):
            raise ValueError("proxy_user_header is no name of a header; write one such as X-Forwarded-User")
        for name, roles in self.proxy_roles.items():
            if not roles_of(roles):
                raise ValueError(f"proxy_roles gives '{name[:60]}' no roles; write {', '.join(ROLES)}, joined by +")
        return self


def roles_of(text: str) -> frozenset[Role]:
    """Read roles joined by `+`; none where the text holds anything else.

    Examples:
        >>> sorted(roles_of("read+score")), sorted(roles_of("root"))
        (['read', 'score'], [])
    """
    parts = text.split("+")
    return frozenset(role for role in ROLES if role in parts) if set(parts) <= set(ROLES) else frozenset()


__all__ = ["ROLES", "Role", "ServingSettings", "roles_of"]
