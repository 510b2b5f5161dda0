"""Secrets that the example sets ask of their environment."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture(scope="session")
def set_secrets():
    """TANGKAPIN_PLUGIN_… -> value, for all three sets."""
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return {
        "TANGKAPIN_PLUGIN_ETNAS_BANTEN": "kunci-uji",
        "TANGKAPIN_PLUGIN_KOTA": base64.b64encode(b"k" * 32).decode(),
        "TANGKAPIN_PLUGIN_PUSHER": "rahasia-uji",
        "TANGKAPIN_PLUGIN_WEBPUSH": base64.urlsafe_b64encode(key.to_bytes(32)).decode().rstrip("="),
    }
