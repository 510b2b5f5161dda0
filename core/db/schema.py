"""All tables in one import, for migrations and for the test that compares them with the database."""

from core.accounts import tables as accounts
from core.db.base import metadata
from core.evidence import tables as evidence
from core.incidents import tables as incidents
from core.ingest import tables as ingest
from core.notices import tables as notices
from core.sync import tables as sync
from core.traffic import tables as traffic

__all__ = ["accounts", "evidence", "incidents", "ingest", "metadata", "notices", "sync", "traffic"]

UNTENANTED = frozenset({"inbox", "plugin_states", "replays", "sink_breakers", "revoked_tokens", "login_failures"})
"""Tables of the installation, not of a vendor: they hold no data of a case."""
