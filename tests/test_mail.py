"""Outgoing mail: from its table to a server on a real socket, whatever that server does."""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from client import Api, Execute, Started, new_email
from mail_stand_in import Mailbox, deliver, mailbox, text_of, wait_for
from serving import free_port, run
from tls_server import Authority

from app import background
from app.database.errors import LeftOut
from app.database.executor import on_connection
from app.mail import sender, servers
from app.mail.languages import chosen, preferred
from app.mail.messages import envelope
from app.mail.repository import claim, enqueue
from app.mail.sender import Sender
from app.mail.servers import MailRefused
from app.mail.templating import KINDS, Rendered, Templates
from app.server import doctor_mail
from app.settings import Mail, Settings, SettingsError


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A server that takes mail."""
    with mailbox() as box:
        yield box


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, execute: Execute) -> None:
    """Only the test looks for mail that is due, and only its own is there."""
    execute("delete from outgoing_mails")
    monkeypatch.setattr(sender, "EVERY", 86_400.0)


def written(api: Api, execute: Execute, kind: str = "new_device", **columns: Any) -> tuple[str, str]:
    """Write a mail to somebody new, past the app. Returns its id and its address."""
    email = new_email()
    [user] = execute("insert into users (email, email_verified_at, name) values ($1, now(), 'Ada') returning id", email)
    detail = '{"device": "Firefox on Linux", "place": "192.0.2.0/24"}'
    insert = (
        "insert into outgoing_mails (user_id, kind, address, detail) values ($1, $2, $3, $4::text::jsonb) returning id::text"
    )
    [mail] = execute(insert, user["id"], kind, email, detail)
    return mail["id"], email


def row(execute: Execute, mail_id: str) -> dict[str, Any] | None:
    found = execute("select *, extract(epoch from due_at - now())::float8 as left from outgoing_mails where id = $1", mail_id)
    return found[0] if found else None


def due_again(execute: Execute, mail_id: str) -> None:
    execute("update outgoing_mails set due_at = now() where id = $1", mail_id)


# What a mail is


def test_a_mail_has_a_text_and_an_html_and_says_that_no_person_wrote_it(
    started: Started, box: Mailbox, execute: Execute
) -> None:
    api = started(**box.settings())
    _, email = written(api, execute)
    mail = wait_for(api, box, email)
    assert mail["From"] == "Holdfast <holdfast@example.com>"
    assert (mail["To"], mail["Auto-Submitted"], mail["Subject"]) == (
        email,
        "auto-generated",
        "A new device signed in to your account",
    )
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", mail["Message-ID"])
    assert abs((parsedate_to_datetime(mail["Date"]) - datetime.now(UTC)).total_seconds()) < 60
    for form in ("plain", "html"):
        said = text_of(mail, form)
        for value in ("Hello Ada,", "Firefox on Linux", "192.0.2.0/24", "https://api.example.com", " UTC"):
            assert value in said
    assert b"\n" not in box.raw[0].replace(b"\r\n", b"")
    assert max(map(len, box.raw[0].split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: victim@example.com",
        "Eve\n\nFrom: bank@example.com",
        "Eve\u2028\u0085.\r\n.\r\nMAIL FROM:<x@example.com>",
        "<b>Eve</b>\u202e",
        "=?utf-8?q?Eve?=",
        "é" * 100,
    ],
)
def test_a_name_makes_no_header_no_recipient_and_no_markup(started: Started, box: Mailbox, execute: Execute, name: str) -> None:
    api = started(**box.settings())
    _, email = written(api, execute)
    execute("update users set name = $2 where email = $1", email, name)
    mail = wait_for(api, box, email)
    assert [recipient for recipient, _ in box.arrived] == [email]
    assert (mail["Bcc"], mail.get_all("From"), mail.get_all("To")) == (None, ["Holdfast <holdfast@example.com>"], [email])
    greeting = text_of(mail).splitlines()[0]
    assert greeting.startswith("Hello ")
    assert greeting.endswith(",")
    assert "<b>Eve" not in text_of(mail, "html")


def test_lines_may_be_long_and_subjects_in_any_letters() -> None:
    said = Rendered("Größe \U0001f600 " + "ä" * 300, "x" * 5000 + "\n.\nü\n", f"<p>{'y' * 5000}</p>")
    mail = envelope("Jörg <holdfast@exämple.com>", "ada@example.com", said)
    assert mail.content.isascii()
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert (mail.sender, mail.recipient) == ("holdfast@xn--exmple-cua.com", "ada@example.com")


@pytest.mark.parametrize("address", ["a@b>c", "a@b\r\nRCPT TO:<x@y>", "a@-b", "a\u202e@b.c", "a@b,c", f"a@{'b.' * 200}c"])
def test_an_address_that_no_server_would_take_is_not_tried(address: str) -> None:
    with pytest.raises(MailRefused) as refused:
        envelope("holdfast@example.com", address, Rendered("S", "T", "H"))
    assert refused.value.is_final


def test_an_address_with_a_comma_in_it_is_one_recipient(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    _, email = written(api, execute)
    odd = f"victim,{email}"
    execute("update outgoing_mails set address = $2 where address = $1", email, odd)
    deliver(api)
    assert [recipient for recipient, _ in box.arrived] == [f'"victim,{email.partition("@")[0]}"@example.com']


def test_a_name_is_shown_only_at_an_address_that_its_owner_has_confirmed(
    started: Started, box: Mailbox, execute: Execute
) -> None:
    api = started(**box.settings())
    mails = {}
    for kind in ("new_device", "email_changed", "password_reset"):
        _, email = written(api, execute, kind)
        execute("update users set name = 'Win at evil.example', email_verified_at = null where email = $1", email)
        mails[kind] = wait_for(api, box, email)
    for mail in mails.values():
        assert "evil" not in text_of(mail) + text_of(mail, "html")


# Templates and languages


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        (None, ""),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de-at,de,en"),
        ("en;q=0.1, fr;q=0.8,*;q=0.5", "fr,en"),
        ("de;q=0,fr", "fr"),
        ("../../etc", ""),
        ("x" * 5000, ""),
        (",".join(f"a{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" * 40), None),
        ("de;q=9,\r\nX: y", ""),
    ],
)
def test_the_languages_of_a_header_are_kept_in_their_order(header: str | None, tags: str | None) -> None:
    kept = preferred(header)
    assert len(kept) <= 100
    assert tags is None or kept == tags


def test_the_best_language_that_there_is_is_taken() -> None:
    assert chosen("de-at-1996,fr", frozenset({"en", "fr", "de"})) == "de"
    assert chosen("it,fr", frozenset({"en", "fr"})) == "fr"
    assert chosen("", frozenset({"en"})) == "en"
    assert chosen("it", frozenset({"en"})) == "en"


def test_templates_of_another_language_are_taken_file_by_file(
    started: Started, box: Mailbox, execute: Execute, tmp_path: Path
) -> None:
    german = tmp_path / "de"
    german.mkdir()
    (german / "new_device.txt").write_text(
        "Subject: Neues Gerät von $name\n\nHallo $name: $device. Kostet 5$$.\n", encoding="utf-8"
    )
    api = started(**box.settings(), mail_templates=tmp_path)
    assert {path.name for path in Templates(api.settings).missing} >= {"new_device.html", "verification.txt"}
    _, email = written(api, execute)
    execute("update outgoing_mails set language = 'de-at,en' where address = $1", email)
    mail = wait_for(api, box, email)
    assert mail["Subject"] == "Neues Gerät von Ada"
    assert text_of(mail) == "Hallo Ada: Firefox on Linux. Kostet 5$.\n"
    assert "Hello Ada" in text_of(mail, "html")


@pytest.mark.parametrize(
    "broken",
    [
        ("verification.txt", "Subject: S\n\n$link $oops", r"shows \$oops"),
        ("verification.txt", "Subject: S\n\n$name $link", r"shows \$name"),
        ("verification.txt", "Subject: S\n\nno link", r"does not show \$link"),
        ("verification.txt", "no subject $link", "must begin"),
        ("verification.html", "<a href='$link'>5$</a>", r"a \$ without a name"),
        ("verification.html", "no link", r"does not show \$link"),
        ("new_device.txt", "Subject: \n\ntext", "must begin"),
    ],
)
def test_a_broken_template_is_named_when_it_is_read(tmp_path: Path, broken: tuple[str, str, str]) -> None:
    name, text, rule = broken
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / name).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"MAIL_TEMPLATES: .*/de/{name}.*{rule}"):
        Templates(Settings(mail_templates=tmp_path))
    with pytest.raises(SettingsError, match="MAIL_TEMPLATES"):
        Templates(Settings(mail_templates=tmp_path / "none"))


def test_every_kind_has_its_templates_in_english() -> None:
    assert Templates(Settings()).languages == {"en"}
    values = dict.fromkeys(
        ("link", "hours", "minutes", "address", "name", "server", "time", "device", "place", "provider"), "<&>"
    )
    for kind in KINDS:
        said = Templates(Settings()).render(kind, "", values)
        assert said.subject
        assert "<&>" in said.text
        assert "<&>" not in said.html
        assert "&lt;&amp;&gt;" in said.html


# Sent once a server has taken it


def test_a_refusal_for_now_is_tried_again_later_and_later(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    mail_id, email = written(api, execute)
    box.refusals[email] = "450 greylisted"
    for attempt, seconds in enumerate((60, 120, 240, 480, 960, 1920, 3600, 3600), 1):
        deliver(api)
        found = row(execute, mail_id)
        assert found is not None
        assert (found["attempts"], found["failure"], found["given_up_at"]) == (attempt, "450", None)
        assert seconds * 0.75 - 5 <= found["left"] <= seconds
        due_again(execute, mail_id)
    box.refusals.clear()
    wait_for(api, box, email)
    assert row(execute, mail_id) is None


def test_what_is_refused_for_good_or_for_a_day_is_given_up_and_kept_a_week(
    started: Started, box: Mailbox, execute: Execute
) -> None:
    from app.maintenance import jobs  # noqa: PLC0415

    api = started(**box.settings())
    (refused, one), (old, two), (other, three) = (written(api, execute) for _ in range(3))
    box.refusals |= {one: "550 no such user", two: "450 later"}
    execute("update outgoing_mails set created_at = now() - interval '25 hours' where id = $1", old)
    deliver(api)
    wait_for(api, box, three)
    kept = [row(execute, mail_id) for mail_id in (refused, old, other)]
    assert [found and (found["failure"], found["given_up_at"] is not None) for found in kept] == [
        ("550", True),
        ("450", True),
        None,
    ]
    due_again(execute, refused)
    deliver(api)
    assert box.to(one) == []
    execute("update outgoing_mails set given_up_at = now() - interval '8 days' where id = $1", refused)
    counts = api.runner.run(jobs.run(api.database, api.storage))
    assert counts["old mails"] >= 1
    assert row(execute, refused) is None
    assert row(execute, old) is not None


def test_a_worker_that_dies_while_it_sends_loses_nothing(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    mail_id, email = written(api, execute)
    [claimed] = api.runner.run(claim(api.database, limit=5, lease_seconds=sender.LEASE))
    assert str(claimed.id) == mail_id
    # Nobody else has it while the lease lasts, which is longer than a batch of the slowest mails takes.
    deliver(api)
    assert box.to(email) == []
    found = row(execute, mail_id)
    assert found is not None
    assert found["left"] > servers.SEND_WITHIN * sender.BATCH
    due_again(execute, mail_id)
    wait_for(api, box, email)


def test_a_worker_that_is_stopped_gives_back_what_it_has_not_begun(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    mails = [written(api, execute) for _ in range(3)]
    box.seconds = 5

    async def stopped() -> None:
        task = asyncio.create_task(Sender(api.database, api.settings).send_due())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    api.runner.run(stopped())
    left = sorted(found["left"] for mail_id, _ in mails if (found := row(execute, mail_id)))
    assert [seconds > 0 for seconds in left] == [False, False, True]


def test_a_worker_ends_though_a_library_loses_the_word(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "AGAIN", 0.05)

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def ended() -> float:
        begun = time.monotonic()
        async with background.beside(work()):
            await asyncio.sleep(0)
        return time.monotonic() - begun

    assert runner.run(ended()) < 5


def test_many_workers_send_each_mail_once(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    emails = [written(api, execute)[1] for _ in range(20)]

    async def all_at_once() -> None:
        senders = [Sender(api.database, api.settings) for _ in range(4)]
        while any(await asyncio.gather(*(each.send_due() for each in senders))):
            pass

    api.runner.run(all_at_once())
    assert sorted(recipient for recipient, _ in box.arrived if recipient in emails) == sorted(emails)


def test_what_a_transaction_takes_back_is_not_sent(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    _, email = written(api, execute)
    wait_for(api, box, email)

    async def work(tx: Any) -> None:
        await enqueue(tx, "password_reset", user_id=None, address=email, language="", detail={})
        raise MailRefused("taken back")

    with pytest.raises(MailRefused):
        api.runner.run(api.database.transaction(work))
    deliver(api)
    assert len(box.to(email)) == 1


def test_while_the_database_is_pressed_mail_waits(
    started: Started, box: Mailbox, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = started(**box.settings())
    _, email = written(api, execute)
    monkeypatch.setattr(type(api.database.pool), "is_pressed", property(lambda _: True))
    with pytest.raises(LeftOut):
        api.database.check_pressure("mail")
    api.app.services.mail_is_due.set()
    api.runner.run(asyncio.sleep(0.1))
    assert box.to(email) == []
    monkeypatch.undo()
    wait_for(api, box, email)


def test_who_is_gone_or_disabled_gets_no_mail(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    (one, gone), (two, disabled) = written(api, execute), written(api, execute)
    execute("delete from users where email = $1", gone)
    execute("update users set is_active = false where email = $1", disabled)
    deliver(api)
    assert box.arrived == []
    assert [row(execute, mail_id) for mail_id in (one, two)] == [None, None]


def test_metrics_count_mails_and_name_nobody(started: Started, box: Mailbox, execute: Execute) -> None:
    api = started(**box.settings())
    _, sent = written(api, execute)
    _, refused = written(api, execute)
    box.refusals[refused] = "550 no"
    deliver(api)
    wait_for(api, box, sent)
    api.runner.run(sender.count(api.database))
    text = api.get("/metrics").text
    assert re.search(r'^holdfast_mails_sent_total\{kind="new_device"\} [1-9]', text, re.MULTILINE)
    assert re.search(r'^holdfast_mails_given_up_total\{kind="new_device"\} [1-9]', text, re.MULTILINE)
    assert re.search(r"^holdfast_mails_kept [1-9]", text, re.MULTILINE)
    assert re.search(r"^holdfast_mails_waiting \d", text, re.MULTILINE)
    assert "@" not in text


# Servers that are not as they should be


Certify = Callable[..., ssl.SSLContext]
"""What a server has with a certificate for this name, signed by who is trusted, or by another."""


@pytest.fixture
def certify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certify:
    trusted, other = Authority(tmp_path, "trusted"), Authority(tmp_path, "other")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.file))

    def context(name: str, *, days: int = 1, is_trusted: bool = True) -> ssl.SSLContext:
        for file, content in zip(("crt", "key"), (trusted if is_trusted else other).certify(name, days=days), strict=True):
            (tmp_path / file).write_bytes(content)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
        return context

    return context


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_and_password_go_through_tls_to_who_has_the_right_certificate(
    started: Started, execute: Execute, certify: Certify, tls: str
) -> None:
    with mailbox(certify("localhost"), implicit=tls == "implicit", auth_require_tls=tls == "starttls") as box:
        api = started(**box.settings(tls, "localhost", username="holdfast", password="secret"))
        _, email = written(api, execute)
        wait_for(api, box, email)
        assert box.logins == [b"secret"]
        api = started(**box.settings(tls, "localhost", username="holdfast", password="wrong"))
        _, email = written(api, execute)
        assert deliver(api) == "login 535"
        assert box.to(email) == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("wrong", ["name", "authority", "expired"])
def test_a_wrong_certificate_gets_neither_mail_nor_password(
    started: Started, execute: Execute, certify: Certify, tls: str, wrong: str
) -> None:
    name = "example.com" if wrong == "name" else "localhost"
    context = certify(name, days=-1 if wrong == "expired" else 1, is_trusted=wrong != "authority")
    with mailbox(context, implicit=tls == "implicit", auth_require_tls=False) as box:
        api = started(**box.settings(tls, "localhost", username="holdfast", password="secret"))
        mail_id, _ = written(api, execute)
        assert deliver(api) == "certificate"
        assert (box.logins, box.arrived) == ([], [])
        found = row(execute, mail_id)
        assert found is not None
        assert found["failure"] == "certificate"


def test_where_starttls_was_stripped_nothing_is_sent(started: Started, execute: Execute) -> None:
    with mailbox(auth_require_tls=False) as box:
        api = started(**box.settings("starttls", username="holdfast", password="secret"))
        written(api, execute)
        assert deliver(api) == "no STARTTLS"
        assert (box.logins, box.arrived) == ([], [])


@contextmanager
def silent() -> Iterator[int]:
    """A port where connections are taken, and nothing is ever said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_server_that_says_nothing_is_left_in_time_and_requests_do_not_wait(
    started: Started, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "CONNECT_WITHIN", 0.3)
    with silent() as port:
        api = started(smtp=Mail(host="127.0.0.1", port=port, tls="none"), mail_from="h@example.com", public_url="https://a.b")
        mail_id, _ = written(api, execute)
        begun = time.monotonic()
        assert deliver(api) == "timeout"
        assert time.monotonic() - begun < 3
        found = row(execute, mail_id)
        assert found is not None
        assert found["failure"] == "timeout"
    assert deliver(api) is None
    due_again(execute, mail_id)
    assert deliver(api) == "connection"


def test_a_server_that_is_slow_with_one_mail_is_left_in_time(
    started: Started, box: Mailbox, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "SEND_WITHIN", 0.5)
    api = started(**box.settings())
    box.seconds = 3
    mail_id, _ = written(api, execute)
    begun = time.monotonic()
    assert deliver(api) == "timeout"
    assert time.monotonic() - begun < 2.5
    assert row(execute, mail_id) is not None


def test_while_no_server_answers_it_is_asked_by_and_by(
    started: Started, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "EVERY", 0.05)
    asked = []

    async def send_due(_: Sender) -> bool:
        asked.append(time.monotonic())
        await asyncio.sleep(0)
        raise servers.MailServerUnavailable("connection")

    monkeypatch.setattr(Sender, "send_due", send_due)
    api = started(smtp=Mail(host="127.0.0.1", port=9, tls="none"), mail_from="h@example.com", public_url="https://a.b")
    for _ in range(20):
        api.app.services.mail_is_due.set()
        api.runner.run(asyncio.sleep(0.05))
    # After 50, 100, 200, 400, 800 ms, however much is written meanwhile.
    assert 3 <= len(asked) <= 6


# What the doctor says


def looked(settings: Settings, runner: asyncio.Runner) -> dict[str, tuple[str, str]]:
    """What the doctor finds about mail: states and texts, by subject."""
    url = str(settings.database_url)
    found = runner.run(on_connection(url, partial(doctor_mail.examine, settings=settings)))
    return {finding.subject: (finding.state, f"{finding.text} {finding.advice}") for finding in found}


def test_the_doctor_tries_the_server_and_counts_what_waits(
    started: Started, box: Mailbox, runner: asyncio.Runner, execute: Execute
) -> None:
    api = started(**box.settings())
    assert looked(api.settings, runner) == {
        "mail": ("ok", "the server answers, without TLS, without a login "),
        "templates": ("ok", "of mails can be read: en "),
        "mails": ("ok", "0 mails wait, 0 were given up in the last week "),
    }
    assert box.connections == 1
    _, email = written(api, execute)
    box.refusals[email] = "550 no such user: " + email
    deliver(api)
    mail_id, _ = written(api, execute)
    execute("update outgoing_mails set created_at = now() - interval '2 hours', failure = 'timeout' where id = $1", mail_id)
    state, text = looked(api.settings, runner)["mails"]
    assert state == "mind"
    assert "1 mails wait, 1 were given up" in text
    assert "1 times 550" in text
    assert "2.0 hours" in text
    assert email not in text


def test_the_doctor_says_why_a_server_cannot_be_used(started: Started, runner: asyncio.Runner, certify: Certify) -> None:
    with mailbox(certify("example.com"), auth_require_tls=False) as box:
        api = started(**box.settings("starttls", "localhost", username="holdfast", password="secret"))
        state, text = looked(api.settings, runner)["mail"]
        assert (state, "cannot be used: certificate" in text, "secret" in text) == ("bad", True, False)
    with mailbox(certify("localhost")) as box:
        api = started(**box.settings("starttls", "localhost", username="holdfast", password="wrong"))
        state, text = looked(api.settings, runner)["mail"]
        assert (state, "cannot be used: login 535" in text) == ("bad", True)


def test_the_doctor_has_nothing_against_a_server_without_mail(settings: Settings, runner: asyncio.Runner) -> None:
    assert looked(settings, runner)["mail"][0] == "ok"


def test_serve_does_not_start_with_a_broken_template_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "verification.txt").write_text("Hallo", encoding="utf-8")
    given = {"HOLDFAST_DATA": str(tmp_path / "var"), "PORT": str(free_port()), "MAIL_TEMPLATES": str(tmp_path)}
    ended = run("serve", **given)
    assert ended.returncode == 2
    assert f"MAIL_TEMPLATES: {tmp_path}/de/verification.txt: does not show $link" in ended.stderr
