"""Where a request is let in: the token is believed only with the database's word, then the policy asks."""

from __future__ import annotations

from typing import Any

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from core.accounts.policy import POLICY
from core.accounts.principal import Principal, ServicePrincipal
from core.accounts.service_keys import authenticate_service
from core.accounts.tokens import TokenRefused
from core.problems import Problem

_LOG_IN: tuple[str, str] = ("Masuk dahulu: token tidak ada", "Log in first: there is no token")
_EXPIRED: tuple[str, str] = (
    "Token tidak sah atau sudah tidak berlaku; masuk kembali",
    "The token is not valid (any more); log in again",
)


def operation_of(handler: BaseRouteHandler) -> str:
    """The key of a route in the policy: its operation id, or "METHOD path" for pages outside the API description."""
    return str(handler.opt.get("operation") or getattr(handler, "operation_id", None) or "")


async def enforce_policy(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse with 401 or 403, or note the principal on the connection. Runs before the body is read."""
    if connection.scope.get("method") == "OPTIONS":
        return
    rule = POLICY.get(operation_of(handler))
    if rule is None:
        raise Problem("forbidden")
    if rule.scope in ("public", "operator"):
        return
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if rule.scope == "service":
        token = connection.headers.get("x-api-key", token)
    elif kind.lower() != "bearer":
        token = ""
    if not token.strip():
        raise Problem("unauthenticated", _LOG_IN)
    services = connection.app.state["services"]
    principal: Principal | ServicePrincipal
    try:
        if rule.scope == "service" and token.strip().startswith("tks_"):
            principal = await sync_to_thread(authenticate_service, services.database, token)
        else:
            principal = await sync_to_thread(services.accounts.authenticate, token.strip())
    except TokenRefused:
        raise Problem("unauthenticated", _EXPIRED) from None
    if principal.role not in rule.roles:
        raise Problem("forbidden", ("Peran Anda tidak berwenang untuk ini", "Your role may not do this"))
    connection.scope["user"] = principal
