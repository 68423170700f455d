"""Secrets sealed with SECRET_KEY: only its keys open them, and a damaged one opens to nothing."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.sealing import Keys, SealError
from app.settings import Settings

OLD, NEW = "an old key that was made by openssl rand", "a new key that was made by openssl rand"


def keys(*secret_keys: str) -> Keys:
    return Keys(Settings(environment="production", secret_keys=secret_keys))


def test_what_was_sealed_with_an_old_key_opens_as_long_as_it_is_in_the_list() -> None:
    sealed = keys(OLD).seal(b"verifier")
    assert keys(NEW, OLD).open(sealed) == b"verifier"
    with pytest.raises(SealError):
        keys(NEW).open(sealed)


def test_the_first_key_seals() -> None:
    sealed = keys(NEW, OLD).seal(b"verifier")
    assert keys(NEW).open(sealed) == b"verifier"
    with pytest.raises(SealError):
        keys(OLD).open(sealed)


def test_a_key_of_somebody_else_opens_nothing() -> None:
    with pytest.raises(SealError):
        keys(OLD + "!").open(keys(OLD).seal(b"verifier"))


def test_the_development_key_opens_nothing_of_production() -> None:
    with pytest.raises(SealError):
        Keys(Settings()).open(keys(OLD).seal(b"verifier"))
    with pytest.raises(SealError):
        keys(OLD).open(Keys(Settings()).seal(b"verifier"))


def test_all_workers_of_development_have_the_same_key() -> None:
    assert Keys(Settings()).open(Keys(Settings()).seal(b"verifier")) == b"verifier"


def test_production_without_keys_seals_and_opens_nothing() -> None:
    sealed = Keys(Settings()).seal(b"verifier")
    with pytest.raises(SealError):
        keys().seal(b"verifier")
    with pytest.raises(SealError):
        keys().open(sealed)


@given(st.binary(max_size=1000))
def test_whatever_is_sealed_comes_back_and_does_not_show(secret: bytes) -> None:
    sealed = keys(OLD).seal(secret)
    assert keys(OLD).open(sealed) == secret
    assert len(secret) < 4 or secret not in sealed
    assert keys(OLD).seal(secret) != sealed, "equal secrets must not look equal"


@given(st.data())
def test_no_changed_byte_opens(data: st.DataObject) -> None:
    sealed = keys(OLD).seal(b"verifier")
    # The last character before the padding has bits that count for nothing, and base64 has two letters for two of its values.
    place = data.draw(st.integers(0, len(sealed.rstrip(b"=")) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != sealed[place] and byte not in b"+/"))
    with pytest.raises(SealError):
        keys(OLD).open(sealed[:place] + bytes([other]) + sealed[place + 1 :])


@given(st.binary(max_size=200))
def test_nothing_else_opens(text: bytes) -> None:
    with pytest.raises(SealError):
        keys(OLD).open(text)


def test_the_library_is_loaded_only_when_something_is_sealed() -> None:
    """It would cost every start."""
    code = "import sys; from app.auth.sealing import Keys; from app.settings import Settings; Keys(Settings()); {}"
    for after, is_there in (("pass", False), ("Keys(Settings()).seal(b'')", True)):
        script = code.format(after) + f"; assert ('cryptography' in sys.modules) is {is_there}"
        subprocess.run([sys.executable, "-c", script], check=True)
