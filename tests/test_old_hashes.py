"""Accounts that were imported log in with the hash that their old app made, once: then it is one of ours."""

import asyncio
import hashlib
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import cache
from typing import Any
from unicodedata import normalize

import argon2
import asyncpg
import bcrypt
import needs
import pytest
from client import PASSWORD, Api, User, assert_problem
from command import holdfast
from hypothesis import example, given, settings
from hypothesis import strategies as st
from locks import waited_for
from werkzeug.security import check_password_hash, generate_password_hash

from app.auth import old_hashes
from app.auth.passwords import Passwords
from app.settings import Settings

NEW = "a new horse battery"
Maker = Callable[[str], str]
Set = Callable[[User, str], None]


def werkzeugs(method: str, salt_length: int = 16) -> Maker:
    return lambda password: generate_password_hash(password, method, salt_length)


def bcrypts(prefix: str, rounds: int) -> Maker:
    """As PHP (2y) and older libraries (2a) write what the package calls 2b: they differ in old bugs, not in what they mean."""

    def make(password: str) -> str:
        return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode().replace("$2b$", f"${prefix}$")

    return make


MAKERS: dict[str, Maker] = {
    "scrypt": werkzeugs("scrypt:1024:8:1"),
    "scrypt with other costs": werkzeugs("scrypt:512:16:2"),
    "pbkdf2 of Werkzeug 2.3 and 3": werkzeugs("pbkdf2:sha256:1000"),
    "pbkdf2 of Werkzeug 0.9": werkzeugs("pbkdf2:sha1:1000", 8),
    "pbkdf2 with sha512": werkzeugs("pbkdf2:sha512:1000"),
    "bcrypt 2a": bcrypts("2a", 4),
    "bcrypt 2b": bcrypts("2b", 5),
    "bcrypt 2y": bcrypts("2y", 4),
    "argon2i": argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=4, type=argon2.Type.I).hash,
}
"""With small costs: what libraries take is for test_what_a_library_makes_by_default_is_checked."""


@cache
def by_default(kind: str) -> str:
    """What a library makes of PASSWORD when it is told nothing; it takes its time."""
    makers = {"scrypt": werkzeugs("scrypt"), "pbkdf2": werkzeugs("pbkdf2"), "bcrypt": bcrypts("2b", 12)}
    return makers.get(kind, argon2.PasswordHasher(type=argon2.Type.I).hash)(PASSWORD)


LIGATURE = "\ufb01ve \u00c5re \U0001f511 e\u0301"
BETTER_AUTHS = {
    PASSWORD: "8f72f27d67c60b338ab7af92c230d104:682541d6673414d9e9cefc71462bc8ffbbfef9cb634ba4612ea35afe4dd44635"
    "7d88e90ea168ec8c7bfa85f1a75f797e1c4c0f22a994273cfaab8cb5f1414add",
    LIGATURE: "869377c26e1e3fd277a2156688e5904f:8c10e8c5eed511f696eedfdecfc06f8f4ae8a44fe5b9c217b43379e5acd1b0a1"
    "a116839e4f9ed427b42e894a20b288139d193e3b5a414ccf3a164aa2e7ae7418",
}
"""Made by `hashPassword` of better-auth/crypto, better-auth 1.7.25 on Node 20."""

CRYPTS = [
    ("x" * 100, "$2y$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q"),
    ("caf\u00e9 " * 20, "$2a$05$abcdefghijklmnopqrstuu71DuhOaWpF2NHFHgeXJdYKCQD7SBQPW"),
]
"""Made by crypt(3) of libxcrypt 4.4, which cuts at 72 bytes by itself."""

BEYOND = [
    "scrypt:131072:8:1$salt$" + "a" * 128,
    "scrypt:9999999:99:99$salt$" + "a" * 128,
    "scrypt:65536:9:1$salt$" + "a" * 128,
    "scrypt:16384:8:9$salt$" + "a" * 128,
    f"scrypt:{2**70}:8:1$salt$" + "a" * 128,
    "pbkdf2:sha256:2000001$salt$" + "a" * 64,
    "pbkdf2:sha256:9999999$salt$" + "a" * 64,
    "pbkdf2:sha256:" + "9" * 5000 + "$salt$" + "a" * 64,
    "$2b$16$" + "." * 53,
    "$2b$31$" + "." * 53,
    "$argon2id$v=19$m=65537,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "$argon2id$v=19$m=65536,t=17,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "$argon2id$v=19$m=4194304,t=9,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "$argon2id$v=19$m=" + "9" * 5000 + ",t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "$argon2id$v=19$m=64,t=100,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "$argon2id$v=19$m=64,t=1,p=100$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
]
UNKNOWN = [
    "",
    "$argon2id$",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo\u00e9",
    "$6$saltsalt$" + "a" * 86,
    "{SSHA}" + "a" * 32,
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "plain$$" + PASSWORD,
    "pbkdf2:md5:1000$salt$" + "a" * 32,
    "pbkdf2:sha256:0$salt$" + "a" * 64,
    "pbkdf2:sha256:1000$salt$" + "a" * 40,
    "pbkdf2:sha256:1000$$" + "a" * 64,
    "pbkdf2_sha256$600000$salt$" + "a" * 44,
    "scrypt:32767:8:1$salt$" + "a" * 128,
    "scrypt:1:8:1$salt$" + "a" * 128,
    "scrypt:32768:0:1$salt$" + "a" * 128,
    "scrypt:\u0663\u0662:8:1$salt$" + "a" * 128,
    "scrypt:32768:8:1$salt$" + "a" * 127,
    "$2x$10$" + "." * 53,
    "$2b$03$" + "." * 53,
    "$2b$10$" + "a" * 53,
    "$2b$10$" + "." * 52,
    "a" * 32 + ":" + "a" * 127,
    "scrypt:" + "a" * 32 + ":" + "a" * 128,
]
# The library says so only when it is asked for a key.
MALFORMED = [
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aaaaa",
    "$argon2id$v=19$m=1,t=0,p=0$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "scrypt:65536:1:1$salt$" + "a" * 128,
]

passwords_of_people = st.text(st.characters(codec="utf-8"), max_size=120)


@pytest.fixture
def stored(runner: asyncio.Runner, database: str) -> Callable[[User], str]:
    async def fetch(user: User) -> str:
        connection = await asyncpg.connect(database)
        try:
            return str(await connection.fetchval("select password_hash from users where id::text = $1", user.id))
        finally:
            await connection.close()

    return lambda user: runner.run(fetch(user))


@pytest.fixture
def bring(runner: asyncio.Runner, database: str) -> Set:
    """Give a user the hash of another app, as an import does."""

    async def write(user: User, password_hash: str) -> None:
        connection = await asyncpg.connect(database)
        try:
            await connection.execute("update users set password_hash = $2 where id::text = $1", user.id, password_hash)
        finally:
            await connection.close()

    return lambda user, password_hash: runner.run(write(user, password_hash))


def log_in(api: Api, user: User, password: str = PASSWORD) -> Any:
    return api.post("/v1/auth/login", {"email": user.email, "password": password})


@pytest.mark.parametrize(
    ("password", "password_hash"),
    [*((PASSWORD, make) for make in MAKERS.values()), *BETTER_AUTHS.items(), *CRYPTS],
    ids=[*MAKERS, "Better Auth", "Better Auth, beyond ASCII", "crypt(3), 100 bytes", "crypt(3), beyond ASCII"],
)
def test_an_old_hash_logs_in_and_is_renewed(
    api: Api, stored: Callable[[User], str], bring: Set, password: str, password_hash: str | Maker
) -> None:
    user, old = api.user(), password_hash if isinstance(password_hash, str) else password_hash(password)
    assert old_hashes.is_known(old)
    bring(user, old)
    assert_problem(log_in(api, user, f"-{password}"), 401, "invalid_credentials")
    assert stored(user) == old
    assert log_in(api, user, password).json()["user"]["id"] == user.id
    new = stored(user)
    assert new.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert argon2.PasswordHasher().verify(new, password)
    assert log_in(api, user, password).status_code == 200
    assert stored(user) == new
    assert_problem(log_in(api, user, f"-{password}"), 401, "invalid_credentials")


@pytest.mark.parametrize("make", [MAKERS["scrypt"], MAKERS["bcrypt 2y"], MAKERS["argon2i"]])
def test_an_old_hash_is_good_wherever_a_password_is_asked_for(api: Api, bring: Set, make: Maker) -> None:
    user = api.user()
    bring(user, make(PASSWORD))
    for password, status in (("wrong", 403), (PASSWORD, 200)):
        answer = user.patch("/v1/me", {"email": f"new.{user.email}", "current_password": password})
        assert answer.status_code == status
    assert_problem(user.put("/v1/me/password", {"current": "wrong", "new": NEW}), 403, "wrong_password")
    assert user.put("/v1/me/password", {"current": PASSWORD, "new": NEW}).status_code == 204
    bring(user, make(PASSWORD))
    assert_problem(user.request("DELETE", "/v1/me", json={"password": NEW}), 403, "wrong_password")
    assert user.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204


@pytest.mark.parametrize("password_hash", ["$6$saltsalt$" + "a" * 86, BEYOND[0], MALFORMED[0]])
def test_with_a_hash_that_nobody_can_check_one_needs_another_password(
    api: Api, stored: Callable[[User], str], bring: Set, database: str, password_hash: str
) -> None:
    user = api.user()
    wrong = log_in(api, user, "wrong")
    bring(user, password_hash)
    unknown = log_in(api, user)
    assert_problem(unknown, 401, "invalid_credentials")
    assert unknown.json() | {"request_id": ""} == wrong.json() | {"request_id": ""}
    assert_problem(user.put("/v1/me/password", {"current": PASSWORD, "new": NEW}), 403, "wrong_password")
    assert stored(user) == password_hash
    assert holdfast(database, "users", "set-password", user.email, given=f"{NEW}\n").returncode == 0
    assert log_in(api, user, NEW).status_code == 200


def test_logins_at_once_with_an_old_hash_all_succeed(api: Api, stored: Callable[[User], str], bring: Set) -> None:
    user = api.user()
    bring(user, MAKERS["bcrypt 2a"](PASSWORD))
    body = {"email": user.email, "password": PASSWORD}
    answers = api.together(*(api.send("POST", "/v1/auth/login", json=body) for _ in range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert stored(user).startswith("$argon2id$")
    for answer in answers:
        assert api.get("/v1/me", token=answer.json()["token"]).status_code == 200


def test_a_renewal_does_not_undo_a_change_of_the_password_meanwhile(
    api: Api, runner: asyncio.Runner, database: str, bring: Set, stored: Callable[[User], str]
) -> None:
    user = api.user()
    bring(user, MAKERS["bcrypt 2y"](PASSWORD))
    other = argon2.PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash(NEW)

    async def race() -> int:
        connection = await asyncpg.connect(database)
        try:
            transaction = connection.transaction()
            await transaction.start()
            # The login finds the old hash, checks it, and waits here with the new one.
            await connection.execute("update users set password_hash = $2 where id::text = $1", user.id, other)
            login = asyncio.create_task(api.send("POST", "/v1/auth/login", json={"email": user.email, "password": PASSWORD}))
            await waited_for(connection)
            await transaction.commit()
            return (await login).status_code
        finally:
            await connection.close()

    assert runner.run(race()) == 401
    assert stored(user) == other
    assert log_in(api, user, NEW).status_code == 200


def test_a_hash_that_nobody_can_check_takes_the_time_of_a_wrong_password(
    runner: asyncio.Runner, settings: Settings, bring: Set
) -> None:
    with Api.started(runner, settings, Passwords()) as api:
        known, *unknown = (api.user() for _ in range(4))
        # Unknown, a bomb, malformed.
        for user, password_hash in zip(unknown, (UNKNOWN[3], BEYOND[0], MALFORMED[0]), strict=True):
            bring(user, password_hash)

        def seconds(user: User) -> float:
            started = time.perf_counter()
            assert log_in(api, user, "wrong").status_code == 401
            return time.perf_counter() - started

        rounds = [(seconds(known), [seconds(user) for user in unknown]) for _ in range(5)]
    for place in range(len(unknown)):
        # Without the work for nothing, the quotient would be about 10.
        assert 0.4 < statistics.median(one / others[place] for one, others in rounds) < 2.5


@pytest.mark.parametrize("method", ["scrypt:64:4:2", "pbkdf2:sha1:2", "pbkdf2:sha224:1", "pbkdf2:sha256:3", "pbkdf2:sha512:1"])
@settings(max_examples=40, deadline=None)
@given(password=passwords_of_people, other=passwords_of_people)
@example(password="a\0b", other="a")
@example(password="", other="\0")
def test_whatever_the_password_we_say_what_werkzeug_says(method: str, password: str, other: str) -> None:
    made = generate_password_hash(password, method)
    assert old_hashes.matches(made, password) is True
    assert old_hashes.matches(made, other) is check_password_hash(made, other)


@pytest.mark.parametrize("kind", ["scrypt", "pbkdf2", "bcrypt", "argon2i"])
def test_what_a_library_makes_by_default_is_checked(kind: str) -> None:
    assert old_hashes.is_known(by_default(kind))
    assert old_hashes.matches(by_default(kind), PASSWORD) is True


@pytest.mark.parametrize(("kind", "bare"), [("scrypt", "scrypt"), ("pbkdf2", "pbkdf2"), ("pbkdf2", "pbkdf2:sha256")])
def test_a_hash_without_its_costs_has_those_of_the_library(kind: str, bare: str) -> None:
    costs, salt, key = by_default(kind).split("$")
    assert costs.startswith(f"{bare}:")
    assert check_password_hash(f"{bare}${salt}${key}", PASSWORD)
    assert old_hashes.matches(f"{bare}${salt}${key}", PASSWORD) is True


@pytest.mark.parametrize("rounds", [1_000_000, 600_000, 260_000, 150_000, 50_000, 1_000])
def test_a_hash_without_its_rounds_may_be_of_an_older_version(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    compute = hashlib.pbkdf2_hmac

    def in_a_thousandth(digest: str, password: bytes, salt: bytes, rounds: int) -> bytes:
        return compute(digest, password, salt, rounds // 1000)

    _, salt, key = generate_password_hash(PASSWORD, f"pbkdf2:sha1:{rounds // 1000}").split("$")
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", in_a_thousandth)
    assert old_hashes.matches(f"pbkdf2:sha1${salt}${key}", PASSWORD) is True
    assert old_hashes.matches(f"pbkdf2:sha1${salt}${key}", "wrong") is False


@settings(max_examples=60, deadline=None)
@given(password=passwords_of_people, other=passwords_of_people)
@example(password="a\0b", other="a")
@example(password="x" * 73, other="x" * 72)
@example(password="\u00e9" * 37, other="\u00e9" * 36)
@example(password="a" + "\u00e9" * 37, other="a" + "\u00e9" * 35 + "\u00ea")
@example(password="", other="\0")
def test_bcrypt_looks_at_72_bytes_of_whatever_it_gets(password: str, other: str) -> None:
    made = bcrypts("2a", 4)(password)
    assert old_hashes.matches(made, password) is True
    assert old_hashes.matches(made, password + "x" * 72) is (len(password.encode()) >= 72)
    assert old_hashes.matches(made, other) is bcrypt.checkpw(other.encode()[:72], made.encode())


@needs.node
def test_better_auths_hashes_are_those_that_node_makes() -> None:
    """Node does what `hashPassword` of better-auth/crypto does with it."""
    program = """
        const { randomBytes, scryptSync } = require("node:crypto");
        const made = JSON.parse(require("node:fs").readFileSync(0)).map((password) => {
            const salt = randomBytes(16).toString("hex");
            const options = { N: 16384, r: 16, p: 1, maxmem: 128 * 16384 * 16 * 2 };
            return salt + ":" + scryptSync(password.normalize("NFKC"), salt, 64, options).toString("hex");
        });
        console.log(JSON.stringify(made));
    """
    typed = ["", f"{LIGATURE}\0\u1e9b\u0323\u2460\uff21\u00a0"]
    done = subprocess.run(
        ["node", "-e", program], input=json.dumps(typed).encode(), stdout=subprocess.PIPE, check=True, timeout=60
    )
    for password, made in zip(typed, json.loads(done.stdout), strict=True):
        assert old_hashes.matches(made, password) is True
    assert old_hashes.matches(made, f"{password}x") is False


def test_better_auth_takes_every_spelling_of_a_password() -> None:
    password, made = LIGATURE, BETTER_AUTHS[LIGATURE]
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert old_hashes.matches(made, normalize(form, password)) is True
    assert old_hashes.matches(made, password.replace("\u00c5", "A")) is False


def test_a_bomb_is_refused_at_once() -> None:
    started = time.perf_counter()
    for password_hash in BEYOND:
        assert not old_hashes.is_known(password_hash), password_hash[:60]
        assert old_hashes.matches(password_hash, PASSWORD) is None
    assert time.perf_counter() - started < 0.1


def test_a_login_at_a_bomb_is_refused_at_once(api: Api, bring: Set) -> None:
    user = api.user()
    for password_hash in BEYOND:
        bring(user, password_hash)
        started = time.perf_counter()
        assert_problem(log_in(api, user), 401, "invalid_credentials")
        assert time.perf_counter() - started < 1


# With a part of the work, in one of its factors, of which the time is a multiple.
CEILINGS = [
    ("scrypt:65536:8:2$salt$" + "a" * 128, ":8:2$", ":8:1$", 2),
    ("scrypt:2:99:99$salt$" + "a" * 128, ":99:99$", ":99:99$", 1),
    ("pbkdf2:sha512:2000000$salt$" + "a" * 128, "2000000", "100000", 20),
    ("$2b$15$" + "." * 53, "$15$", "$10$", 32),
    ("$argon2d$v=19$m=65536,t=16,p=4$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", "t=16", "t=1", 16),
    ("$argon2id$m=8192,t=99,p=99$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", "t=99", "t=3", 33),
]


@pytest.mark.parametrize(("password_hash", "ceiling", "part", "times"), CEILINGS)
def test_a_hash_at_the_ceiling_is_checked_in_seconds(password_hash: str, ceiling: str, part: str, times: int) -> None:
    assert old_hashes.is_known(password_hash)
    cheaper = password_hash.replace(ceiling, part)
    assert (cheaper == password_hash) is (times == 1)
    started = time.thread_time()
    assert old_hashes.matches(cheaper, PASSWORD) is False
    assert (time.thread_time() - started) * times < 20


@pytest.mark.parametrize("password_hash", UNKNOWN)
def test_what_is_no_hash_is_not_known(password_hash: str) -> None:
    assert not old_hashes.is_known(password_hash)
    assert old_hashes.matches(password_hash, PASSWORD) is None


@pytest.mark.parametrize("password_hash", MALFORMED)
def test_what_only_looks_like_a_hash_tells_nothing(password_hash: str) -> None:
    assert old_hashes.matches(password_hash, PASSWORD) is None


cheap = st.sampled_from(
    [make(PASSWORD) for make in (werkzeugs("scrypt:256:2:1"), werkzeugs("pbkdf2:sha256:1"), bcrypts("2b", 4))]
    + [argon2.PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash(PASSWORD)]
)
mangled = st.builds(
    lambda made, start, length, put: made[:start] + put + made[start + length :],
    cheap,
    st.integers(0, 200),
    st.integers(0, 4),
    st.text(st.characters(codec="utf-8") | st.sampled_from("$:,=0a."), max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(password_hash=st.text() | mangled, password=passwords_of_people)
@example(password_hash=BETTER_AUTHS[PASSWORD], password="a\0b")
@example(password_hash=f"{BETTER_AUTHS[PASSWORD][:-1]}g", password=PASSWORD)
@example(password_hash=BETTER_AUTHS[PASSWORD][1:], password=PASSWORD)
def test_no_text_in_the_place_of_a_hash_raises(password_hash: str, password: str) -> None:
    found = old_hashes.matches(password_hash, password)
    assert found in {None, False, True}
    assert old_hashes.is_known(password_hash) or found is None
