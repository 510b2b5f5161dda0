"""T01, at rest: no table holds a key or password, nor does the log of making one."""

import pytest
import structlog
from sqlalchemy import insert, text

from core.accounts.tables import vendors
from core.db.schema import metadata
from core.ingest import devices
from core.ingest.devices import NewDevice
from core.secrets import SecretBox

pytestmark = pytest.mark.threat("T01")

PASSWORD = "Rahasia-Kamera-88"


def everything_in(database):
    with database.system() as connection:
        rows = [connection.execute(text(f'SELECT t::text FROM "{name}" t')).scalars().all() for name in metadata.tables]
    return "\n".join(row for table in rows for row in table)


def test_a_dump_of_the_database_holds_neither_keys_nor_passwords(database):
    with database.system() as connection:
        connection.execute(insert(vendors).values(vendor_code="polda-uji"))
    new = NewDevice(code="simpang-5", maker="acme", vendor="polda-uji", auth=("api_key", "basic", "digest"))

    with structlog.testing.capture_logs() as logs:
        _, first = devices.add_device(database, new)
        second = devices.rotate_key(database, "simpang-5")
        devices.set_password(database, SecretBox("k" * 40), "simpang-5", PASSWORD, allow_md5=True)

    dump = everything_in(database) + repr(logs)
    assert first.key_id in dump and second.key_id in dump
    for secret in (*first.key.split("_")[2:], *second.key.split("_")[2:], PASSWORD):
        assert secret not in dump
        assert secret.encode().hex() not in dump
