"""Who may do what, as one table. A route without a row, or a row without a route, stops the start.

The database enforces whose rows are seen (row-level security by vendor); this table says which roles may ask at all.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from core.accounts.principal import Role
from core.domain.errors import TangkapinError

Scope = Literal["public", "operator", "service", "self", "vendor", "own", "assigned", "involved"]
"""Whose data an operation touches: nobody's (public), the installation's (operator: token or loopback), the vendor's of
a program's key (service), the caller's own account (self), rows of the caller's vendors (vendor: other vendors' ids are
not found), what belongs to the caller (own: an owner's cameras and reports), reports that the caller was sent to
(assigned), reports that the caller has a part in: as owner, as staff of the vendor, as police sent there (involved)."""


class Rule(msgspec.Struct, frozen=True):
    """One row: which roles, and whose data."""

    scope: Scope
    roles: frozenset[Role | Literal["service"]] = frozenset()


class PolicyGap(TangkapinError):
    """Routes and policy do not agree."""


_EVERYBODY: frozenset[Role] = frozenset(get_args(Role))
_STAFF: frozenset[Role] = frozenset({"officer", "admin"})
_ADMIN: frozenset[Role] = frozenset({"admin"})

PUBLIC = Rule("public")
OPERATOR = Rule("operator")
SERVICE = Rule("service", frozenset({"service"}))
SELF = Rule("self", _EVERYBODY)
STAFF = Rule("vendor", _STAFF)
ADMIN = Rule("vendor", _ADMIN)
OWNER = Rule("own", frozenset({"owner"}))
POLICE = Rule("assigned", frozenset({"police"}))
ADDED = Rule("vendor", _EVERYBODY)
"""What plugins add: each of their routes and pages names its roles itself (core.web.plugin_desk)."""
INVOLVED = Rule("involved", _EVERYBODY)
INVOLVED_STAFF = Rule("involved", frozenset({"officer", "admin", "police"}))

POLICY: dict[str, Rule] = {
    "get_health": PUBLIC,
    "get_readiness": PUBLIC,
    "get_version": PUBLIC,
    "get_metrics": OPERATOR,
    "list_problems": PUBLIC,
    "log_in": PUBLIC,
    "log_out": SELF,
    "get_me": SELF,
    "change_password": SELF,
    "open_session": PUBLIC,
    "get_session": PUBLIC,
    "get_map_tile": SELF,
    "close_session": SELF,
    "change_session_password": SELF,
    "list_violations": STAFF,
    "get_violation": STAFF,
    "claim_next_violation": STAFF,
    "release_claim": STAFF,
    "approve_violation": STAFF,
    "reject_violation": STAFF,
    "correct_plate": STAFF,
    "undo_decision": STAFF,
    "release_held": STAFF,
    "reopen_violation": STAFF,
    "search_plate_reads": STAFF,
    "search_passages": STAFF,
    "get_evidence": STAFF,
    "get_overview": STAFF,
    "list_devices": STAFF,
    "add_device": ADMIN,
    "rotate_device_key": ADMIN,
    "list_quarantine": STAFF,
    "get_quarantined_payload": STAFF,
    "dismiss_quarantine": ADMIN,
    "replay_quarantined": ADMIN,
    "get_maker_steps": STAFF,
    "list_sinks": STAFF,
    "list_plugins": ADMIN,
    "list_plugin_pages": ADDED,
    "get_plugin_page": ADDED,
    "ask_plugin": ADDED,
    "tell_plugin": ADDED,
    "list_sync": STAFF,
    "retry_sync": STAFF,
    "confirm_sync": STAFF,
    "list_audit": ADMIN,
    # the own account, for clients that keep the token themselves
    "app_log_in": PUBLIC,
    "app_register": PUBLIC,
    "app_get_me": SELF,
    "app_log_out": SELF,
    "update_profile": SELF,
    "app_change_password": SELF,
    "get_notification_settings": SELF,
    "update_notification_settings": SELF,
    # owners of cameras
    "get_own_counts": OWNER,
    "get_cctv_preview": OWNER,
    "add_cctv": OWNER,
    "list_cctv": OWNER,
    "get_cctv": OWNER,
    "change_cctv": OWNER,
    "remove_cctv": OWNER,
    "list_own_reports": OWNER,
    "get_own_report": OWNER,
    "get_own_track": OWNER,
    "add_report": OWNER,
    "list_own_notifications": OWNER,
    # officers of a station
    "get_officer_counts": STAFF,
    "get_case_status": STAFF,
    "list_reports": STAFF,
    "get_report": STAFF,
    "get_track": STAFF,
    "list_near_stations": STAFF,
    "list_officer_notifications": STAFF,
    "get_incident_map": STAFF,
    "list_alerts": STAFF,
    "get_performance": STAFF,
    "list_available_police": STAFF,
    "list_police": STAFF,
    "verify_report": STAFF,
    "assign_police": STAFF,
    "withdraw_assignment": STAFF,
    "announce": STAFF,
    # police in the field
    "get_police_dashboard": POLICE,
    "list_active_reports": POLICE,
    "get_assigned_report": POLICE,
    "get_own_way": POLICE,
    "set_tracking_status": POLICE,
    "add_track_point": POLICE,
    "answer_assignment": POLICE,
    "acknowledge_stop": POLICE,
    "list_assignments": POLICE,
    "list_near_reports": POLICE,
    "list_police_notifications": POLICE,
    # everybody with a part in a report
    "list_messages": INVOLVED_STAFF,
    "add_message": INVOLVED_STAFF,
    "list_evidence": INVOLVED,
    "add_evidence": INVOLVED,
    "get_timeline": INVOLVED_STAFF,
    "export_report": Rule("involved", frozenset({"owner", "officer", "admin"})),
    "get_media": PUBLIC,
    "get_snapshot": INVOLVED,
    "get_live": INVOLVED,
    # everybody's own notifications
    "read_notification": SELF,
    "read_all_notifications": SELF,
    "list_push_addresses": SELF,
    "get_push_key": SELF,
    "add_push_address": SELF,
    "remove_push_address": SELF,
    "acknowledge_notices": SELF,
    "create_realtime_ticket": SELF,
    "sign_private_channel": SELF,
    "get_realtime_config": SELF,
    "receive_channel_webhook": PUBLIC,  # its signature is asked for
    "list_deliveries": ADMIN,
    "retry_deliveries": ADMIN,
    # programs
    "add_detection": SERVICE,
    "add_detection_alias": SERVICE,
    # admins of an agency
    "list_streams": ADMIN,
    "approve_stream": ADMIN,
    "withdraw_stream": ADMIN,
    "list_stations": STAFF,
    "add_station": ADMIN,
    "change_station": ADMIN,
    "list_service_keys": ADMIN,
    "add_service_key": ADMIN,
    "revoke_service_key": ADMIN,
    "list_users": ADMIN,
    "add_user": ADMIN,
    "change_user": ADMIN,
    # pages and files outside the API description
    "GET /": PUBLIC,
    "GET /assets/{name}": PUBLIC,
    "GET /{path}": PUBLIC,
    "GET /schema": PUBLIC,
    "GET /schema/swagger": PUBLIC,
    "GET /schema/openapi.json": PUBLIC,
    "GET /schema/openapi-3.0.json": PUBLIC,
    "GET /schema/assets/{name}": PUBLIC,
    "GET /schema/{path}": PUBLIC,
}

OPTIONAL = frozenset(key for key in POLICY if key.startswith("GET /schema"))
"""Rows whose routes exist only with settings.docs_enabled."""


def check_policy(operations: set[str]) -> None:
    """Raise PolicyGap unless rows and routes are the same set."""
    missing = sorted(operations - POLICY.keys())
    if missing:
        raise PolicyGap(f"routes without a row in core/accounts/policy.py: {', '.join(missing)}")
    stale = sorted(POLICY.keys() - operations - OPTIONAL)
    if stale:
        raise PolicyGap(f"rows in core/accounts/policy.py without a route: {', '.join(stale)}")
