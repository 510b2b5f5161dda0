import pytest

from core.accounts.passwords import WeakPassword, check_new_password, hash_password, verify_password


def test_a_password_is_kept_as_argon2id_and_verified() -> None:
    stored = hash_password("benar-kuda-baterai-9")
    assert stored.startswith("$argon2id$")
    assert verify_password("benar-kuda-baterai-9", stored)
    assert not verify_password("benar-kuda-baterai-8", stored)


def test_the_same_letters_composed_differently_are_the_same_password() -> None:
    assert verify_password("caf\u00e9-caf\u00e9-caf\u00e9", hash_password("cafe\u0301-cafe\u0301-cafe\u0301"))


@pytest.mark.parametrize("stored", [None, "", "plain text", "$argon2id$v=19$broken"])
def test_without_a_readable_hash_no_password_is_right(stored: str | None) -> None:
    assert not verify_password("benar-kuda-baterai-9", stored)


def test_an_endless_password_is_not_hashed_as_such() -> None:
    assert not verify_password("x" * 100_000, hash_password("x" * 200))


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaabbbbaaaa", "budi-santoso-budi"])
def test_a_weak_password_is_refused_with_the_reason(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_new_password(password, "budi-santoso")
