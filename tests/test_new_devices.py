"""The mail about a sign-in from a device that was not used before."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from client import PASSWORD, Api, Execute, Started, User, assert_problem, new_email

from app.accounts.new_devices import HOURLY, described
from app.settings import Mail

SMTP = Mail(host="127.0.0.1", port=1, tls="none")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 "
    "Edg/140.0.0.0"
)

Mails = Callable[[User], list[dict[str, Any]]]


@pytest.fixture
def telling(started: Started) -> Api:
    """A server that tells of new devices."""
    return started(new_device_mail=True, smtp=SMTP)


@pytest.fixture
def mails(execute: Execute) -> Iterator[Mails]:
    """What waits to be sent to a user about devices: whoever registers gets a mail, too."""
    sql = (
        "select kind, address, language, detail::text from outgoing_mails "
        "where user_id = $1::text::uuid and kind = 'new_device' order by id"
    )
    yield lambda user: [row | {"detail": json.loads(row["detail"])} for row in execute(sql, user.id)]
    execute("delete from outgoing_mails")


def registered(api: Api, agent: str = FIREFOX) -> User:
    body = {"email": new_email(), "password": PASSWORD}
    return User(api, api.post("/v1/auth/register", body, headers={"User-Agent": agent}).json())


def log_in(api: Api, user: User, agent: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    body = {"email": user.email, "password": password}
    return api.post("/v1/auth/login", body, headers={"User-Agent": agent} | headers)


def test_a_sign_in_from_another_device_is_told_by_mail(telling: Api, mails: Mails) -> None:
    ada = registered(telling)
    assert log_in(telling, ada, FIREFOX).status_code == 200
    assert mails(ada) == []
    answer = log_in(telling, ada, SAFARI, **{"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert answer.status_code == 200
    [mail] = mails(ada)
    assert (mail["kind"], mail["address"], mail["language"]) == ("new_device", ada.email, "de-at,de,en")
    assert mail["detail"] == {"device": "Safari on iOS", "place": "127.0.0.0/24"}
    # The second time it is known.
    assert log_in(telling, ada, SAFARI).status_code == 200
    assert log_in(telling, ada, FIREFOX).status_code == 200
    assert len(mails(ada)) == 1


def test_a_browser_that_was_brought_up_to_date_is_known(telling: Api, mails: Mails, execute: Execute) -> None:
    ada = registered(telling)
    newer = FIREFOX.replace("140", "141")
    execute("update sessions set last_seen_at = now() - interval '2 hours' where user_id = $1::text::uuid", ada.id)
    assert ada.get("/v1/me", headers={"User-Agent": newer}).status_code == 200
    assert log_in(telling, ada, newer).status_code == 200
    assert mails(ada) == []
    assert log_in(telling, ada, newer.replace("141", "142")).status_code == 200
    assert len(mails(ada)) == 1


def test_the_first_sign_in_is_no_news(telling: Api, mails: Mails, execute: Execute) -> None:
    made_by_operator = registered(telling)
    assert made_by_operator.delete("/v1/me/sessions").status_code == 204
    execute("update users set last_login_at = null where id = $1::text::uuid", made_by_operator.id)
    assert log_in(telling, made_by_operator, SAFARI).status_code == 200
    assert mails(made_by_operator) == []
    assert log_in(telling, made_by_operator, EDGE).status_code == 200
    assert len(mails(made_by_operator)) == 1


def test_who_has_been_away_for_long_is_told(telling: Api, mails: Mails, execute: Execute) -> None:
    ada = registered(telling)
    execute("delete from sessions where user_id = $1::text::uuid", ada.id)
    assert log_in(telling, ada, SAFARI).status_code == 200
    assert len(mails(ada)) == 1


def test_a_sign_in_that_fails_is_not_told(telling: Api, mails: Mails) -> None:
    ada = registered(telling)
    assert_problem(log_in(telling, ada, SAFARI, "wrong"), 401, "invalid_credentials")
    assert mails(ada) == []


def test_nobody_is_told_unless_the_settings_say_so(started: Started, mails: Mails) -> None:
    for changes in ({"new_device_mail": True}, {"smtp": SMTP}):
        api = started(**changes)
        ada = registered(api)
        assert log_in(api, ada, SAFARI).status_code == 200
        assert mails(ada) == []


def test_without_the_setting_a_sign_in_costs_no_statement_more(started: Started) -> None:
    def asked(api: Api) -> int:
        ada = registered(api)
        before = api.get("/metrics").text
        assert log_in(api, ada, SAFARI).status_code == 200
        counts = [line for line in api.get("/metrics").text.splitlines() if "holdfast_query_seconds_count" in line]
        # The sender looks for mail by itself.
        return len({line for line in {*counts} - {*before.splitlines()} if 'query="mail.' not in line})

    assert asked(started(smtp=SMTP)) == 2


def test_one_account_gets_a_few_of_them_in_an_hour(started: Started, mails: Mails) -> None:
    """Whoever registers with another's address must not be able to flood it by signing in again and again."""
    telling = started(new_device_mail=True, smtp=SMTP, rate_limits=True)
    ada = registered(telling)
    for number in range(HOURLY + 3):
        answer = log_in(telling, ada, f"Device {number}")
        assert answer.status_code == 200, answer.text
    assert len(mails(ada)) == HOURLY


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Safari on iOS"),
        (EDGE, "Edge on Windows"),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15",
            "Safari on macOS",
        ),
        ("curl/8.14.1", "another program"),
        ("You have won! http://evil.example Linux", "another program on Linux"),
        ("", "another program"),
        (None, "another program"),
    ],
)
def test_a_device_is_described_in_words_of_ours(agent: str | None, words: str) -> None:
    assert described(agent) == words
