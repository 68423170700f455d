"""What links in mails confirm: an address, a new password, another address. The mails arrive at a server on a real socket."""

import asyncio
import base64
import hashlib
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from browser import Browser
from client import PASSWORD, Api, Execute, Started, User, assert_problem, new_email
from mail_stand_in import Mailbox, deliver, mailbox, text_of, token_of, wait_for
from serving import Serving, until

NEW = "a much better password"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    """The server that takes the mails of this module."""
    with mailbox() as box:
        yield box


@pytest.fixture
def mailing(started: Started, box: Mailbox) -> Api:
    """The app, with a mail server."""
    return started(**box.settings())


def confirm(api: Api, token: str) -> int:
    return api.post("/v1/auth/verification/confirm", {"token": token}).status_code


def reset(api: Api, token: str, new: str = NEW) -> int:
    return api.post("/v1/auth/password-reset/confirm", {"token": token, "new": new}).status_code


def asked(api: Api, box: Mailbox, email: str, count: int = 1) -> str:
    """The token of a reset."""
    before = len(box.to(email))
    assert api.post("/v1/auth/password-reset", {"email": email}).status_code == 202
    return token_of(wait_for(api, box, email, before + count))


def me(user: User) -> dict[str, Any]:
    found: dict[str, Any] = user.get("/v1/me").json()
    return found


def log_in(api: Api, email: str, password: str) -> int:
    return api.post("/v1/auth/login", {"email": email, "password": password}).status_code


# Verification


def test_who_registers_gets_a_mail_whose_link_verifies_the_address(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    assert me(user)["is_verified"] is False
    mail = wait_for(mailing, box, user.email)
    assert mail["Subject"] == "Confirm your e-mail address"
    answer = mailing.post("/v1/auth/verification/confirm", {"token": token_of(mail)})
    assert (answer.status_code, answer.content) == (204, b"")
    assert me(user)["is_verified"] is True


def test_a_guest_who_registers_gets_it_too(mailing: Api, box: Mailbox) -> None:
    guest = mailing.post("/v1/auth/guest").json()["token"]
    email = new_email()
    answer = mailing.post("/v1/auth/register", {"email": email, "password": PASSWORD}, token=guest)
    assert answer.status_code == 201
    assert confirm(mailing, token_of(wait_for(mailing, box, email))) == 204


def test_without_a_mail_server_nobody_is_asked_to_verify(api: Api, execute: Execute) -> None:
    user = api.user()
    assert execute("select 1 from outgoing_mails where user_id = $1", user.id) == []


def test_a_link_is_sent_again_for_who_asks_and_only_the_newest_is_good(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    first = token_of(wait_for(mailing, box, user.email))
    answer = user.post("/v1/auth/verification")
    assert (answer.status_code, answer.content) == (202, b"")
    second = token_of(wait_for(mailing, box, user.email, 2))
    assert_problem(mailing.post("/v1/auth/verification/confirm", {"token": first}), 400, "invalid_token")
    assert confirm(mailing, second) == 204
    assert_problem(user.post("/v1/auth/verification"), 409, "already_verified")


def test_a_link_works_once(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    token = token_of(wait_for(mailing, box, user.email))
    assert confirm(mailing, token) == 204
    assert_problem(mailing.post("/v1/auth/verification/confirm", {"token": token}), 400, "invalid_token")


def test_of_many_at_once_one_confirmation_is_done(mailing: Api, box: Mailbox) -> None:
    token = token_of(wait_for(mailing, box, mailing.user().email))
    body = {"token": token}
    answers = mailing.together(*(mailing.send("POST", "/v1/auth/verification/confirm", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 7


@pytest.mark.parametrize(("purpose", "hours"), [("verification", 24), ("password_reset", 1)])
def test_a_link_expires(mailing: Api, box: Mailbox, execute: Execute, purpose: str, hours: int) -> None:
    user = mailing.user()
    token = token_of(wait_for(mailing, box, user.email))
    if purpose == "password_reset":
        token = asked(mailing, box, user.email)
    [row] = execute("select expires_at - now() as left from mail_tokens where user_id = $1 and purpose = $2", user.id, purpose)
    assert hours * 3600 - 60 < row["left"].total_seconds() <= hours * 3600
    execute("update mail_tokens set expires_at = now() where user_id = $1", user.id)
    assert (confirm if purpose == "verification" else reset)(mailing, token) == 400
    assert me(user)["is_verified"] is False


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\u0000", "x" * 201, "' or 1=1", "ö"])
def test_a_token_that_was_never_made_confirms_nothing(api: Api, token: str) -> None:
    for path, body in (("verification", {}), ("password-reset", {"new": NEW})):
        answer = api.post(f"/v1/auth/{path}/confirm", {"token": token} | body)
        assert answer.status_code in {400, 422}, answer.text
    for wrong in ("{}", '{"token": 7}', '{"token": "x", "more": 1}'):
        headers = {"Content-Type": "application/json"}
        assert_problem(api.post("/v1/auth/verification/confirm", content=wrong, headers=headers), 422, "invalid")


def test_a_link_is_of_no_use_after_the_address_has_changed(mailing: Api, box: Mailbox, execute: Execute) -> None:
    user = mailing.user()
    verification = token_of(wait_for(mailing, box, user.email))
    password_reset = asked(mailing, box, user.email)
    execute("update users set email = $2 where id = $1", user.id, new_email())
    assert confirm(mailing, verification) == 400
    assert reset(mailing, password_reset) == 400
    assert me(user)["is_verified"] is False


def test_a_link_of_another_purpose_does_nothing(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    verification = token_of(wait_for(mailing, box, user.email))
    password_reset = asked(mailing, box, user.email)
    assert reset(mailing, verification) == 400
    assert confirm(mailing, password_reset) == 400
    # Neither is spent by that.
    assert confirm(mailing, verification) == 204
    assert reset(mailing, password_reset) == 204


def test_somebody_elses_link_changes_nothing_of_ones_own(mailing: Api, box: Mailbox) -> None:
    ada, bob = mailing.user(), mailing.user()
    token = token_of(wait_for(mailing, box, bob.email))
    assert mailing.post("/v1/auth/verification/confirm", {"token": token}, token=ada.token).status_code == 204
    assert (me(ada)["is_verified"], me(bob)["is_verified"]) == (False, True)


def test_only_who_is_signed_in_asks_for_a_verification_and_has_an_address(api: Api) -> None:
    assert_problem(api.post("/v1/auth/verification"), 401, "unauthenticated")
    guest = api.post("/v1/auth/guest").json()["token"]
    assert_problem(api.post("/v1/auth/verification", token=guest), 422, "invalid")
    user = api.user()
    api_token = user.made("/v1/me/tokens", {"name": "script", "scopes": ["write"]})["token"]
    assert_problem(api.post("/v1/auth/verification", token=api_token), 403, "session_required")


def test_nothing_is_mailed_in_production_without_a_server(started: Started) -> None:
    silent = started(environment="production")
    user = silent.user()
    assert_problem(user.post("/v1/auth/verification"), 503, "mail_not_configured")
    assert_problem(silent.post("/v1/auth/password-reset", {"email": user.email}), 503, "mail_not_configured")


# A new password


def test_a_reset_sets_the_password_and_ends_every_session_and_token(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    wait_for(mailing, box, user.email)
    api_token = user.made("/v1/me/tokens", {"name": "script", "scopes": ["read"]})["token"]
    mail_token = asked(mailing, box, user.email)
    mail = box.to(user.email)[-1]
    assert mail["Subject"] == "Choose a new password"
    assert "60 minutes" in text_of(mail)
    assert reset(mailing, mail_token) == 204
    assert user.get("/v1/me").status_code == 401
    assert mailing.get("/v1/me", token=api_token).status_code == 401
    assert log_in(mailing, user.email, PASSWORD) == 401
    assert log_in(mailing, user.email, NEW) == 200
    assert reset(mailing, mail_token, "another good password") == 400


def test_a_reset_verifies_the_address_and_removes_what_was_linked_before_that(
    mailing: Api, box: Mailbox, execute: Execute
) -> None:
    link = "insert into identities (user_id, provider, subject) values ($1, 'google', $1::uuid::text)"
    for is_verified in (False, True):
        user = mailing.user()
        if is_verified:
            assert confirm(mailing, token_of(wait_for(mailing, box, user.email))) == 204
        else:
            wait_for(mailing, box, user.email)
        execute(link, user.id)
        assert reset(mailing, asked(mailing, box, user.email)) == 204
        assert len(execute("select 1 from identities where user_id = $1", user.id)) == is_verified
        assert execute("select is_verified from users where id = $1", user.id) == [{"is_verified": True}]


def test_an_account_without_a_password_gets_one_by_a_reset(mailing: Api, box: Mailbox, execute: Execute) -> None:
    email = new_email()
    execute("insert into users (email, is_external, email_verified_at) values ($1, true, now())", email)
    assert reset(mailing, asked(mailing, box, email)) == 204
    assert log_in(mailing, email, NEW) == 200


def test_a_password_that_is_too_easy_does_not_spend_the_link(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    wait_for(mailing, box, user.email)
    token = asked(mailing, box, user.email)
    for new in ("password123", user.email, "short", "aaaaaaaaaa"):
        assert_problem(mailing.post("/v1/auth/password-reset/confirm", {"token": token, "new": new}), 422, "invalid")
    assert reset(mailing, token) == 204


def test_the_link_goes_to_the_address_that_the_account_has(mailing: Api, box: Mailbox) -> None:
    user = mailing.user()
    wait_for(mailing, box, user.email)
    assert mailing.post("/v1/auth/password-reset", {"email": user.email.upper()}).status_code == 202
    assert wait_for(mailing, box, user.email, 2)["To"] == user.email
    assert box.to(user.email.upper()) == []


def test_nobody_finds_out_by_the_answer_or_by_its_time_who_has_an_account(mailing: Api, execute: Execute) -> None:
    known = [mailing.user().email for _ in range(12)]
    # Asked for as often: the first count of an address is another row.
    unknown = [new_email() for _ in known]

    def seconds(email: str) -> float:
        started = time.perf_counter()
        answer = mailing.post("/v1/auth/password-reset", {"email": email})
        took = time.perf_counter() - started
        assert (answer.status_code, answer.content) == (202, b"")
        headers.add(tuple(each for each in answer.headers.items() if each[0] != "x-request-id"))
        return took

    headers: set[tuple[tuple[str, str], ...]] = set()
    seconds(new_email())
    pairs = [(seconds(one), seconds(other)) for _ in range(4) for one, other in zip(known, unknown, strict=True)]
    assert len(headers) == 1
    # Were the mail sent, or the account looked up with more work, within the request: several times as long. Pair by pair: a
    # busy machine changes its pace meanwhile.
    assert 0.67 < statistics.median(one / other for one, other in pairs) < 1.5


def test_for_an_unknown_address_nothing_is_sent_and_nothing_stays(mailing: Api, box: Mailbox, execute: Execute) -> None:
    email = new_email()
    assert mailing.post("/v1/auth/password-reset", {"email": email}).status_code == 202
    deliver(mailing)
    assert execute("select 1 from outgoing_mails where address = $1", email) == []
    assert box.to(email) == []


def test_who_is_disabled_gets_no_mail_and_their_links_are_refused(mailing: Api, box: Mailbox, execute: Execute) -> None:
    user = mailing.user()
    verification, password_reset = token_of(wait_for(mailing, box, user.email)), asked(mailing, box, user.email)
    execute("update users set is_active = false where id = $1", user.id)
    assert mailing.post("/v1/auth/password-reset", {"email": user.email}).status_code == 202
    deliver(mailing)
    assert len(box.to(user.email)) == 2
    assert (confirm(mailing, verification), reset(mailing, password_reset)) == (400, 400)
    assert execute("select is_verified from users where id = $1", user.id) == [{"is_verified": False}]


@pytest.mark.parametrize("email", ["", "ada", "a@b@c", "a b@c", 7, None, "a\u200bda@example.com"])
def test_what_is_no_address_is_refused(api: Api, email: Any) -> None:
    assert_problem(api.post("/v1/auth/password-reset", {"email": email}), 422, "invalid")


# Another address


def test_another_address_is_asked_for_and_comes_when_its_reader_says_yes(mailing: Api, box: Mailbox) -> None:
    user, other = mailing.user(), new_email()
    wait_for(mailing, box, user.email)
    answer = user.patch("/v1/me", {"email": other, "name": "Ada", "current_password": PASSWORD})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["email"], answer.json()["name"]) == (user.email, "Ada")
    assert me(user) == me(user) | answer.json()
    token = token_of(wait_for(mailing, box, other))
    assert wait_for(mailing, box, user.email, 2)["Subject"] == "Your e-mail address is about to change"
    assert confirm(mailing, token) == 204
    assert (me(user)["email"], me(user)["is_verified"]) == (other, True)
    assert wait_for(mailing, box, user.email, 3)["Subject"] == "Your e-mail address was changed"
    assert (log_in(mailing, user.email, PASSWORD), log_in(mailing, other, PASSWORD)) == (401, 200)
    assert user.patch("/v1/me", {"email": other}).status_code == 200


def test_an_address_that_is_taken_is_refused_at_once_and_at_the_confirmation(mailing: Api, box: Mailbox) -> None:
    user, bob, other = mailing.user(), mailing.user(), new_email()
    taken = user.patch("/v1/me", {"email": bob.email.upper(), "name": "Eve", "current_password": PASSWORD})
    assert_problem(taken, 409, "email_taken")
    assert me(user)["name"] is None
    assert user.patch("/v1/me", {"email": other, "current_password": PASSWORD}).status_code == 202
    token = token_of(wait_for(mailing, box, other))
    mailing.user(email=other)
    assert_problem(mailing.post("/v1/auth/verification/confirm", {"token": token}), 409, "email_taken")
    assert me(user)["email"] == user.email


def test_of_two_addresses_that_were_asked_for_the_later_one_comes(mailing: Api, box: Mailbox) -> None:
    user, one, two = mailing.user(), new_email(), new_email()
    for other in (one, two):
        assert user.patch("/v1/me", {"email": other, "current_password": PASSWORD}).status_code == 202
    token = token_of(wait_for(mailing, box, two))
    for mail in box.to(one):
        assert confirm(mailing, token_of(mail)) == 400
    assert confirm(mailing, token) == 204
    assert me(user)["email"] == two


@pytest.mark.parametrize("by", ["password", "reset"])
def test_a_new_password_ends_what_was_asked_for_with_the_old_one(mailing: Api, box: Mailbox, by: str) -> None:
    user, other = mailing.user(), new_email()
    wait_for(mailing, box, user.email)
    assert user.patch("/v1/me", {"email": other, "current_password": PASSWORD}).status_code == 202
    token = token_of(wait_for(mailing, box, other))
    wait_for(mailing, box, user.email, 2)
    if by == "reset":
        assert reset(mailing, asked(mailing, box, user.email)) == 204
    else:
        assert user.put("/v1/me/password", {"current": PASSWORD, "new": NEW}).status_code == 204
    assert confirm(mailing, token) == 400


def test_a_new_password_ends_a_change_whose_mail_has_not_been_sent(mailing: Api, box: Mailbox, execute: Execute) -> None:
    user, other = mailing.user(), new_email()
    mail = "insert into outgoing_mails (user_id, kind, address) values ($1, 'email_change', $2)"
    execute(mail, user.id, other)
    assert user.put("/v1/me/password", {"current": PASSWORD, "new": NEW}).status_code == 204
    deliver(mailing)
    assert box.to(other) == []


def test_an_address_is_not_changed_by_who_does_not_know_the_password(mailing: Api) -> None:
    user = mailing.user()
    assert_problem(user.patch("/v1/me", {"email": new_email(), "current_password": "wrong"}), 403, "wrong_password")
    assert_problem(user.patch("/v1/me", {"email": new_email()}), 422, "invalid")
    stale = user.patch("/v1/me", {"email": new_email(), "current_password": PASSWORD}, headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "version_mismatch")


# Limits


def test_a_mailbox_is_not_filled_by_resets_and_nobody_is_told(started: Started, box: Mailbox, execute: Execute) -> None:
    limited = started(**box.settings(), rate_limits=True)
    email = new_email()
    execute("insert into users (email) values ($1)", email)
    answers = [limited.post("/v1/auth/password-reset", {"email": e}) for e in (email, email.upper(), email, email, email)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 5
    deliver(limited)
    assert len(box.to(email)) == 3


def test_a_network_asks_for_so_many_resets(started: Started, box: Mailbox, execute: Execute) -> None:
    execute("delete from rate_limits where bucket like 'password-reset:%'")
    limited = started(**box.settings(), rate_limits=True)
    answers = [limited.post("/v1/auth/password-reset", {"email": new_email()}) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {202}
    assert_problem(answers[20], 429, "rate_limited")
    assert int(answers[20].headers["retry-after"]) > 0


def test_an_address_gets_so_many_mails_that_others_asked_for(started: Started, box: Mailbox) -> None:
    limited = started(**box.settings(), rate_limits=True)
    user, victim = limited.user(), new_email()
    change = {"email": victim, "current_password": PASSWORD}
    answers = [user.patch("/v1/me", change) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    again = [user.post("/v1/auth/verification").status_code for _ in range(4)]
    assert again == [202, 202, 202, 429]


def test_who_registers_again_and_again_with_an_address_does_not_fill_its_mailbox(started: Started, box: Mailbox) -> None:
    limited = started(**box.settings(), rate_limits=True)
    victim = new_email()
    for _ in range(5):
        user = limited.user(email=victim)
        deliver(limited)
        assert user.delete("/v1/me", json={"password": PASSWORD}).status_code == 204
    assert len(box.to(victim)) == 3


# What is seen from outside


def test_links_begin_with_public_url_whatever_the_request_says_its_host_is(mailing: Api, box: Mailbox) -> None:
    email = mailing.user().email
    wait_for(mailing, box, email)
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert mailing.post("/v1/auth/password-reset", {"email": email}, headers=forged).status_code == 202
    mail = wait_for(mailing, box, email, 2)
    assert "evil" not in text_of(mail) + text_of(mail, "html")
    token_of(mail)


def test_neither_an_address_nor_a_token_is_in_the_log_or_in_the_table(
    mailing: Api, box: Mailbox, execute: Execute, capfd: pytest.CaptureFixture[str]
) -> None:
    user = mailing.user()
    verification = token_of(wait_for(mailing, box, user.email))
    assert confirm(mailing, verification) == 204
    box.refusals[user.email] = f"451 not now for {user.email}"
    mailing.post("/v1/auth/password-reset", {"email": user.email})

    def put_off() -> list[dict[str, Any]]:
        # By the app's own loop, perhaps, which may be at it still.
        deliver(mailing)
        mailing.runner.run(asyncio.sleep(0.02))
        return execute("select * from outgoing_mails where address = $1 and failure is not null", user.email)

    [row] = until(put_off, "the mail is put off")
    assert (row["failure"], row["attempts"]) == ("451", 1)
    box.refusals.clear()
    execute("update outgoing_mails set due_at = now() where address = $1", user.email)
    password_reset = token_of(wait_for(mailing, box, user.email, 2))
    assert reset(mailing, password_reset) == 204
    out, err = capfd.readouterr()
    assert '"mail_sent"' in out + err
    for secret in (user.email, verification, password_reset):
        assert secret not in out + err
        assert secret not in mailing.get("/metrics").text
        kept = execute("select t::text as row from mail_tokens t union all select m::text from outgoing_mails m")
        assert not any(secret in row["row"] for row in kept if secret != user.email)


@pytest.mark.parametrize("path", ["/account/verification", "/account/password-reset"])
def test_the_pages_of_links_load_nothing_and_do_nothing_by_being_opened(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy + answer.text
    assert "https:" not in policy + answer.text
    assert api.request("HEAD", path).status_code == 200


def test_the_scripts_of_the_pages_are_those_that_their_policy_names(api: Api) -> None:
    for path in ("/account/verification", "/account/password-reset"):
        answer = api.get(path)
        for tag in ("script", "style"):
            [inline] = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_in_development_the_mail_is_shown_and_its_link_works(
    started: Started, settings: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    api = started()
    user = api.user()
    assert user.post("/v1/auth/verification").status_code == 202
    api.runner.run(asyncio.sleep(0.2))
    shown = capfd.readouterr().err
    assert f"--- Mail to {user.email}: Confirm your e-mail address" in shown
    address = f"http://{settings.host}:{settings.port}/account/verification#token="
    assert address in shown
    assert confirm(api, shown.partition(address)[2][:43]) == 204
    assert me(user)["is_verified"] is True


@needs.chromium
def test_the_links_that_serve_shows_in_development_work_in_a_browser(database: str, tmp_path: Path) -> None:
    email = new_email()
    with (
        Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=database) as serving,
        Browser(tmp_path / "browser") as browser,
    ):

        def link(page: str) -> str:
            address = rf"http://127\.0\.0\.1:{serving.port}/account/{page}#token=[A-Za-z0-9_-]{{43}}"
            found = until(lambda: re.findall(address, serving.words()), f"a mail has a link to {page}")
            return str(found[-1])

        def says(text: str) -> None:
            browser.until(f"document.querySelector('#said').textContent.includes({text!r})")

        token = serving.post("/v1/auth/register", {"email": email, "password": PASSWORD}).json()["token"]
        assert serving.post("/v1/auth/verification", None, token).status_code == 202
        browser.open(link("verification"), "form:not([hidden])")
        assert browser.evaluate("location.href") == f"{serving.url}/account/verification"
        assert serving.get("/v1/me", token).json()["is_verified"] is False
        browser.click("button")
        says("the address is confirmed")
        assert serving.get("/v1/me", token).json()["is_verified"] is True
        assert browser.evaluate("document.querySelector('form').hidden")

        serving.post("/v1/auth/password-reset", {"email": email})
        browser.open(link("password-reset"), "form:not([hidden])")
        browser.fill("#one", NEW)
        browser.fill("#two", "something else")
        browser.click("button")
        says("not the same")
        for new, said in (("password123", "too easy to guess"), (NEW, "new password is set")):
            browser.fill("#one", new)
            browser.fill("#two", new)
            browser.click("button")
            says(said)
        assert serving.post("/v1/auth/login", {"email": email, "password": NEW}).status_code == 200
        browser.open(f"{serving.url}/account/password-reset", "#said:not(:empty)")
        says("needs the whole link")
        assert browser.evaluate("violations") == []
        # The console tells of each answer with an error: that about the password which is too easy.
        assert len(browser.errors) == 1
