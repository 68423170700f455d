"""Rate limits: so many attempts and no more, whichever worker counts them and whatever a caller says of its address."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from itertools import count
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from client import PASSWORD, Api, assert_problem, new_email

from app.auth.passwords import Passwords
from app.settings import Settings

MINUTE = 60
QUARTER = 15 * MINUTE
HOUR = 60 * MINUTE

PROXY = "10.1.2.3"

At = Callable[..., Api]
Fetch = Callable[..., list[asyncpg.Record]]

_numbers = count(1)


def new_address() -> str:
    """An address that nobody has counted against it."""
    number = next(_numbers)
    return f"198.18.{number // 250}.{number % 250 + 1}"


def new_network() -> str:
    """The first three numbers of a network of 256 addresses without any attempts yet."""
    number = next(_numbers)
    return f"100.{64 + number // 250}.{number % 250 + 1}"


@pytest.fixture
def at(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[At]:
    """Start a worker with rate limits, whose callers come from this address."""
    with ExitStack() as ending:

        def start(address: str, *proxies: str) -> Api:
            trusted = tuple(ip_network(proxy) for proxy in proxies)
            limited = msgspec.structs.replace(settings, rate_limits=True, trusted_proxies=trusted, pool_size=1)
            return ending.enter_context(Api.started(runner, limited, passwords, address))

        yield start


@pytest.fixture
def fetch(runner: asyncio.Runner, database: str) -> Fetch:
    """Ask the database, on a connection beside the pool's."""

    async def ask(sql: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    return lambda sql, *arguments: runner.run(ask(sql, *arguments))


@pytest.fixture
def begin_window(fetch: Fetch) -> Callable[[int], None]:
    """Wait for the next window if the current one, as the database sees it, is about to end."""

    def begin(seconds: int) -> None:
        [row] = fetch("select extract(epoch from clock_timestamp())::float8 as now")
        left = seconds - row["now"] % seconds
        if left < 4:
            time.sleep(left + 0.05)

    return begin


def log_in(api: Api, email: str | None = None, forwarded: str | None = None) -> httpx.Response:
    """Try to log in: with a wrong password, which is what limits are for."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return api.post("/v1/auth/login", {"email": email or new_email(), "password": "wrong"}, headers=headers)


def statuses(answers: list[httpx.Response]) -> dict[int, int]:
    found = [answer.status_code for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


def assert_limited(answer: httpx.Response, window: int) -> None:
    assert_problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"].isdecimal()
    assert 1 <= int(answer.headers["retry-after"]) <= window


def test_an_address_may_try_ten_logins_in_a_minute(at: At, begin_window: Callable[[int], None]) -> None:
    api = at(new_address())
    begin_window(MINUTE)
    assert [log_in(api).status_code for _ in range(10)] == [401] * 10
    for _ in range(3):
        assert_limited(log_in(api), MINUTE)
    # The right password does not help either, nor does another account.
    assert_limited(api.post("/v1/auth/login", {"username": "somebody", "password": PASSWORD}), MINUTE)


def test_an_account_may_be_tried_ten_times_in_a_quarter_of_an_hour_from_one_network(
    at: At, begin_window: Callable[[int], None]
) -> None:
    proxy = at(PROXY, PROXY)
    begin_window(QUARTER)
    email, network = at(new_address()).user().email, new_network()
    # An address of its own for each try, or the limit of an address would be the one that is met.
    answers = [log_in(proxy, email.upper() if n % 3 else email, forwarded=f"{network}.{n}") for n in range(10)]
    assert statuses(answers) == {401: 10}
    assert_limited(log_in(proxy, email, forwarded=f"{network}.99"), QUARTER)
    assert log_in(proxy, forwarded=f"{network}.99").status_code == 401
    # The owner is elsewhere, and not locked out.
    right = {"email": email, "password": PASSWORD}
    assert proxy.post("/v1/auth/login", right, headers={"X-Forwarded-For": f"{new_network()}.1"}).status_code == 200
    # An unknown account is limited as a known one is: the limit does not tell which e-mails are registered.
    unknown = new_email()
    assert statuses([log_in(proxy, unknown, forwarded=f"{network}.{n}") for n in range(100, 110)]) == {401: 10}
    assert_limited(log_in(proxy, unknown, forwarded=f"{network}.110"), QUARTER)


def test_an_account_may_be_tried_a_hundred_times_from_all_networks_and_then_with_growing_pauses(
    at: At, begin_window: Callable[[int], None], fetch: Fetch
) -> None:
    proxy = at(PROXY, PROXY)
    begin_window(QUARTER)
    email = at(new_address()).user().email

    def attempt() -> httpx.Response:
        return log_in(proxy, email, forwarded=f"{new_network()}.1")

    def wait(seconds: int) -> None:
        fetch("update rate_limits set last_hit_at = last_hit_at - make_interval(secs => $1) where hits >= 100", seconds)

    assert statuses([attempt() for _ in range(100)]) == {401: 100}
    for pause in (1, 2, 4, 8):
        assert_limited(attempt(), pause)
        wait(pause)
        # What was refused before does not lengthen the pause.
        answers = proxy.together(*(_forwarded_log_in(proxy, email) for _ in range(5)))
        assert statuses(answers) == {401: 1, 429: 4}
    wait(16)
    right = {"email": email, "password": PASSWORD}
    assert proxy.post("/v1/auth/login", right, headers={"X-Forwarded-For": f"{new_network()}.1"}).status_code == 200


async def _forwarded_log_in(api: Api, email: str) -> httpx.Response:
    headers = {"X-Forwarded-For": f"{new_network()}.1"}
    return await api.send("POST", "/v1/auth/login", json={"email": email, "password": "wrong"}, headers=headers)


def test_no_spelling_of_an_account_gives_more_tries(api: Api, at: At, begin_window: Callable[[int], None]) -> None:
    proxy = at(PROXY, PROXY)
    email = api.user(email=f"iiii.\u00e9{new_email()}").email
    # 48 spellings, of which the database's locale may take those with a capital I with a dot for others.
    spellings = [
        "".join("\u0130" if bits >> place & 1 else "i" for place in range(4)) + email[4:].replace("\u00e9", accent)
        for bits in range(16)
        for accent in ("\u00e9", "e\u0301", "\u00c9")
    ]
    rights = [api.post("/v1/auth/login", {"email": each, "password": PASSWORD}).status_code == 200 for each in spellings]
    reaching = [each for each, right in zip(spellings, rights, strict=True) if right]
    assert len(reaching) >= 3
    begin_window(QUARTER)
    network = new_network()
    answers = [log_in(proxy, reaching[n % len(reaching)], forwarded=f"{network}.{n}") for n in range(48)]
    assert statuses(answers) == {401: 10, 429: 38}


def test_a_caller_asks_ten_times_in_an_hour_whether_an_address_is_taken(at: At, begin_window: Callable[[int], None]) -> None:
    api = at(new_address())
    begin_window(HOUR)
    user, taken = api.user(), api.user().email

    def change(email: str) -> httpx.Response:
        return user.patch("/v1/me", {"email": email, "current_password": PASSWORD})

    answers = [change(taken if n % 2 else new_email()) for n in range(9)]
    assert statuses(answers) == {200: 5, 409: 4}
    # What does not ask is not counted.
    assert user.patch("/v1/me", {"name": "Ada", "email": user.get("/v1/me").json()["email"]}).status_code == 200
    assert change(taken).status_code == 409
    assert_limited(change(taken), HOUR)
    assert_limited(change(new_email()), HOUR)


def test_a_guest_asks_ten_times_in_an_hour_whether_an_address_is_taken(at: At, begin_window: Callable[[int], None]) -> None:
    api = at(new_address())
    begin_window(HOUR)
    taken = {"email": api.user().email, "password": PASSWORD}
    token = api.post("/v1/auth/guest").json()["token"]
    answers = [api.post("/v1/auth/register", taken, token=token) for _ in range(12)]
    assert statuses(answers) == {409: 10, 429: 2}


def test_a_username_is_limited_as_an_email_is(at: At, begin_window: Callable[[int], None]) -> None:
    proxy = at(PROXY, PROXY)
    begin_window(QUARTER)
    name = f"limited.{next(_numbers)}"

    def try_in() -> httpx.Response:
        headers = {"X-Forwarded-For": new_address()}
        return proxy.post("/v1/auth/login", {"username": name, "password": "wrong"}, headers=headers)

    assert statuses([try_in() for _ in range(11)]) == {401: 10, 429: 1}


def test_an_address_may_register_sixty_times_in_an_hour(at: At, begin_window: Callable[[int], None], fetch: Fetch) -> None:
    api = at(new_address())
    begin_window(HOUR)
    bodies = [{"email": new_email(), "password": PASSWORD} for _ in range(70)]
    answers = api.together(*(api.send("POST", "/v1/auth/register", json=body) for body in bodies))
    assert statuses(answers) == {201: 60, 429: 10}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert_limited(refused[0], HOUR)
    # Who was refused is not registered, and other things still work from there.
    emails = {body["email"] for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 429}
    assert fetch("select 1 from users where email = any($1)", list(emails)) == []
    assert log_in(api).status_code == 401
    assert api.get("/health/live").status_code == 200


def test_an_address_may_be_a_guest_thirty_times_in_an_hour(at: At, begin_window: Callable[[int], None]) -> None:
    api = at(new_address())
    begin_window(HOUR)
    answers = api.together(*(api.send("POST", "/v1/auth/guest") for _ in range(35)))
    assert statuses(answers) == {201: 30, 429: 5}


def test_at_once_and_over_two_workers_exactly_the_maximum_passes(at: At, begin_window: Callable[[int], None]) -> None:
    address = new_address()
    one, two = at(address), at(address)
    begin_window(MINUTE)
    body = {"password": "wrong"}
    answers = one.together(
        *(api.send("POST", "/v1/auth/login", json=body | {"email": new_email()}) for _ in range(20) for api in (one, two))
    )
    assert statuses(answers) == {401: 10, 429: 30}


def test_other_addresses_are_not_hit(at: At, begin_window: Callable[[int], None]) -> None:
    here, there = at(new_address()), at(new_address())
    begin_window(MINUTE)
    assert statuses([log_in(here) for _ in range(12)]) == {401: 10, 429: 2}
    assert statuses([log_in(there) for _ in range(5)]) == {401: 5}


def test_a_refusal_costs_no_hash_and_no_look_up(at: At, begin_window: Callable[[int], None]) -> None:
    api = at(new_address())
    begin_window(MINUTE)
    for _ in range(10):
        log_in(api)
    counted = 'holdfast_query_seconds_count{query="accounts.credentials_by_email"}'

    def look_ups() -> list[str]:
        return [line for line in api.get("/metrics").text.splitlines() if line.startswith(counted)]

    before = look_ups()
    assert log_in(api).status_code == 429
    assert look_ups() == before


def test_a_new_window_begins_with_nothing(at: At, begin_window: Callable[[int], None], fetch: Fetch) -> None:
    api = at(new_address())
    begin_window(MINUTE)
    assert statuses([log_in(api) for _ in range(11)]) == {401: 10, 429: 1}
    fetch("update rate_limits set window_start = window_start - interval '1 minute' where hits = 11")
    assert log_in(api).status_code == 401


def test_neither_addresses_nor_accounts_stand_in_the_table(at: At, fetch: Fetch) -> None:
    address, email = new_address(), new_email()
    api = at(address)
    log_in(api, email)
    rows = fetch("select bucket from rate_limits")
    assert rows
    for row in rows:
        assert address not in row["bucket"]
        assert email not in row["bucket"]


def test_one_ipv6_network_of_64_bits_is_one_address(at: At, begin_window: Callable[[int], None]) -> None:
    network = f"2001:db8:{next(_numbers):x}:7"
    one, two, other = at(f"{network}::1"), at(f"{network}:ffff:1:2:3"), at(f"{network[:-1]}8::1")
    begin_window(MINUTE)
    assert statuses([log_in(api) for _ in range(6) for api in (one, two)]) == {401: 10, 429: 2}
    assert log_in(other).status_code == 401


def test_ipv4_callers_of_a_server_that_listens_on_ipv6_are_not_one(at: At, begin_window: Callable[[int], None]) -> None:
    # Such a server sees 192.0.2.1 as ::ffff:192.0.2.1: all of them lie in one network of 64 bits.
    address = new_address()
    mapped, plain, other = at(f"::ffff:{address}"), at(address), at(f"::ffff:{new_address()}")
    begin_window(MINUTE)
    assert statuses([log_in(api) for _ in range(6) for api in (mapped, plain)]) == {401: 10, 429: 2}
    assert log_in(other).status_code == 401
    # Nor is a trusted proxy somebody else.
    proxy = at("::ffff:10.1.2.3", "10.0.0.0/8")
    assert statuses([log_in(proxy, forwarded=new_address()) for _ in range(12)]) == {401: 12}


def test_a_forwarded_address_is_not_believed_without_a_trusted_proxy(at: At, begin_window: Callable[[int], None]) -> None:
    direct, elsewhere = at(new_address()), at(new_address(), PROXY)
    begin_window(MINUTE)
    for api in (direct, elsewhere):
        answers = [log_in(api, forwarded=new_address()) for _ in range(12)]
        assert statuses(answers) == {401: 10, 429: 2}


def test_a_trusted_proxy_says_who_is_calling(at: At, begin_window: Callable[[int], None]) -> None:
    proxy = at(PROXY, "10.0.0.0/8")
    begin_window(MINUTE)
    one, two = new_address(), new_address()
    assert statuses([log_in(proxy, forwarded=one) for _ in range(12)]) == {401: 10, 429: 2}
    assert statuses([log_in(proxy, forwarded=two) for _ in range(3)]) == {401: 3}


def test_the_last_hop_that_is_no_proxy_counts_and_what_stands_before_it_does_not(
    at: At, begin_window: Callable[[int], None]
) -> None:
    proxy = at(PROXY, "10.0.0.0/8")
    begin_window(MINUTE)
    caller = new_address()
    spoofed = [
        f"{new_address()}, {caller}",
        f"{new_address()},{new_address()} ,{caller}, 10.9.9.9",
        f"10.0.0.1, {caller}, 10.9.9.9, 10.8.8.8",
        f"nonsense, {caller}",
        f", ,{caller},",
        f"' or 1=1 --, {caller}",
        f"\t{caller} ",
    ]
    answers = [log_in(proxy, forwarded=spoofed[n % len(spoofed)]) for n in range(14)]
    assert statuses(answers) == {401: 10, 429: 4}


@pytest.mark.parametrize(
    "last", ["nonsense", "1.2.3.4:5678", "[2001:db8::1]:443", "unknown", "999.1.1.1", "\xff", "_hidden", ""]
)
def test_a_last_hop_that_is_no_address_makes_it_the_proxys(at: At, last: str, begin_window: Callable[[int], None]) -> None:
    proxy = at(f"10.7.{next(_numbers)}.1", "10.0.0.0/8")
    begin_window(MINUTE)
    headers = {"X-Forwarded-For": f"{new_address()}, {last}".encode("latin-1")}
    if not last:
        headers = {"X-Forwarded-For": b" , "}
    body = {"password": "wrong"}
    answers = [proxy.post("/v1/auth/login", body | {"email": new_email()}, headers=headers) for _ in range(11)]
    assert statuses(answers) == {401: 10, 429: 1}


def test_every_form_of_address_can_be_registered_from(at: At) -> None:
    proxy = at(PROXY, "10.0.0.0/8")
    for form in (new_address(), "2001:db8::7", "::ffff:198.51.100.7", "fe80::1%eth0", "::1", "0.0.0.0", "nonsense", "10.1.1.1"):
        body = {"email": new_email(), "password": PASSWORD}
        answer = proxy.post("/v1/auth/register", body, headers={"X-Forwarded-For": form})
        assert answer.status_code == 201, (form, answer.text)
    # A peer without an address, as over a Unix socket.
    assert at("").user().id


def test_without_rate_limits_nothing_is_counted(api: Api) -> None:
    email = new_email()
    assert statuses([log_in(api, email) for _ in range(30)]) == {401: 30}
