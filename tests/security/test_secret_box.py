"""Secrets at rest open under their key and in their row only."""

import pytest

from core.hooks.plugin import Secret
from core.secrets import SecretBox, Unsealable, derive

OLD, NEW = Secret("the old secret key, 0123456789abcdef"), Secret("the new secret key, 0123456789abcdef")


def test_what_is_sealed_opens_again():
    box = SecretBox(OLD)

    assert b"ha1" == box.open(box.seal(b"ha1", b"row 1"), b"row 1")


def test_sealing_twice_gives_two_values_without_the_secret_in_them():
    box = SecretBox(OLD)
    first, second = box.seal(b"top secret", b""), box.seal(b"top secret", b"")

    assert first != second
    assert b"top secret" not in first


def test_a_value_does_not_open_in_another_row():
    box = SecretBox(OLD)

    with pytest.raises(Unsealable, match="another row"):
        box.open(box.seal(b"ha1", b"row 1"), b"row 2")


def test_every_flipped_bit_is_noticed():
    box = SecretBox(OLD)
    sealed = box.seal(b"ha1", b"")

    for bit in range(len(sealed) * 8):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unsealable):
            box.open(bytes(damaged), b"")


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x01" * 16, b"plain text of twenty bytes"])
def test_what_was_never_sealed_does_not_open(value):
    with pytest.raises(Unsealable):
        SecretBox(OLD).open(value, b"")


def test_another_key_is_named_not_guessed():
    sealed = SecretBox(OLD).seal(b"ha1", b"")

    with pytest.raises(Unsealable, match=SecretBox(OLD).key_id):
        SecretBox(NEW).open(sealed, b"")


def test_a_changed_key_still_opens_what_the_previous_one_sealed():
    sealed = SecretBox(OLD).seal(b"ha1", b"")
    box = SecretBox(NEW, OLD)

    assert b"ha1" == box.open(sealed, b"")
    assert SecretBox(NEW).key_id == box.key_id


def test_keys_for_two_purposes_differ():
    assert derive(OLD, b"one") != derive(OLD, b"two")
    assert derive(OLD, b"one") == derive(OLD.reveal(), b"one")
