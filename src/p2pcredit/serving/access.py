"""Who asks, and what each may.

By a token, by a browser that signed in with one, by the word of a reverse proxy, or by the word of an Airflow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import unquote

from p2pcredit.settings import Role, ServingSettings, roles_of
from p2pcredit.storage.pages_token import PERSON_HEADER, ROLES_HEADER, UNDER_HEADER

COOKIE = "p2pcredit_session"
Door = Literal["token", "session", "proxy", "airflow"]
_DECOY = "0" * 64
_UNDER = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and what this visitor may.

    Args:
        name: As the settings or the proxy name them.
        roles: Of `read`, `score`, `decide`.
        door: How they came in. A browser sends a session or what a proxy or an Airflow asks for by itself, so forms of
            these doors bear a token of their own; no other page can make a browser send another's bearer token.
        csrf: What a form of this visitor bears; empty for a token.
    """

    name: str
    roles: frozenset[Role]
    door: Door
    csrf: str = ""


@dataclass(frozen=True)
class Access:
    """Lets visitors in.

    Args:
        settings: Tokens, and which proxy is trusted.
        clock: Says when sessions end.
        extra: A token that holds beside those of the settings, such as the one that `p2pcredit serve` makes where none
            is set: digest -> visitor.
        airflow: The digest of the token by which an Airflow is believed who asks and what they may; None believes none.
    """

    settings: ServingSettings
    clock: Callable[[], datetime]
    extra: Mapping[str, tuple[str, frozenset[Role]]] = field(default_factory=dict)
    airflow: str | None = None
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _digests: dict[str, tuple[str, frozenset[Role]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = dict(self.extra)
        for token in self.settings.tokens:
            name, roles, digest = token.get_secret_value().split(" ")
            found[digest] = (name, roles_of(roles))
        object.__setattr__(self, "_digests", found)

    def visitor(self, headers: Mapping[str, str], cookies: Mapping[str, str], address: str) -> Visitor | None:
        """Find out who asks; None for who shows nothing that holds. A bearer token counts before all else.

        Args:
            headers: By lower-case name.
            cookies: By name.
            address: Where the request comes from.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if self._is_airflow(headers):
            return self._of_airflow(headers)
        if scheme:
            known = self._of_token(token.strip()) if scheme.lower() == "bearer" else None
            return None if known is None else Visitor(*known, "token")
        if COOKIE in cookies:
            return self._of_session(cookies[COOKIE])
        return self._of_proxy(headers, address)

    def under(self, headers: Mapping[str, str]) -> str:
        """Find out under which path an Airflow shows the pages; empty for who is no Airflow, or names no such path."""
        told = headers.get(UNDER_HEADER, "")
        return told if told and len(told) <= 200 and _UNDER.fullmatch(told) and self._is_airflow(headers) else ""

    def sign_in(self, token: str) -> str | None:
        """Make the cookie of a browser whose user has this token; None where it does not hold."""
        known = self._of_token(token)
        if known is None:
            return None
        ends = int(self.clock().timestamp()) + self.settings.session_minutes * 60
        said = f"{ends} {secrets.token_hex(8)} {digest_of(token)}"
        return f"{urlsafe_b64encode(said.encode()).decode()}.{self._sign('session', said)}"

    def _of_token(self, token: str) -> tuple[str, frozenset[Role]] | None:
        return self._of_digest(digest_of(token))

    def _of_digest(self, shown: str) -> tuple[str, frozenset[Role]] | None:
        """Look a digest up in time that does not depend on which of those known it is, or whether it is one."""
        found = None
        for digest, known in {_DECOY: None, **self._digests}.items():
            if hmac.compare_digest(digest, shown):
                found = known
        return found

    def _of_session(self, cookie: str) -> Visitor | None:
        packed, _, signature = cookie.partition(".")
        try:
            said = urlsafe_b64decode(packed.encode()).decode()
        except ValueError:
            return None
        if not hmac.compare_digest(self._sign("session", said).encode(), signature.encode()):
            return None
        ends, _, digest = said.split(" ")
        known = self._of_digest(digest)
        if known is None or self.clock().timestamp() > int(ends):
            return None
        return Visitor(*known, "session", self._sign("form", said))

    def _of_proxy(self, headers: Mapping[str, str], address: str) -> Visitor | None:
        wanted = self.settings.proxy_user_header.lower()
        name = headers.get(wanted, "").strip() if wanted else ""
        if not name or len(name) > 200 or not name.isprintable() or address not in self.settings.proxy_addresses:
            return None
        roles = self.settings.proxy_roles.get(name, self.settings.proxy_roles.get("*", ""))
        return Visitor(name, roles_of(roles), "proxy", self._sign("form", name))

    def _is_airflow(self, headers: Mapping[str, str]) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if self.airflow is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(self.airflow, digest_of(token.strip()))

    def _of_airflow(self, headers: Mapping[str, str]) -> Visitor | None:
        name = unquote(headers.get(PERSON_HEADER, "")).strip()
        if not name or len(name) > 200 or not name.isprintable():
            return None
        return Visitor(name, roles_of(headers.get(ROLES_HEADER, "")), "airflow", self._sign("form of Airflow", name))

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose} {text}".encode(), hashlib.sha256).hexdigest()


def digest_of(token: str) -> str:
    """Give the SHA-256 of a token as settings hold it. Tokens are random, so no slow hash is needed.

    Examples:
        >>> digest_of("secret")[:8]
        '2bb80d53'
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token() -> str:
    """Make a token of 256 random bits."""
    return f"p2p_{secrets.token_urlsafe(32)}"


__all__ = ["COOKIE", "Access", "Door", "Visitor", "digest_of", "new_token"]
