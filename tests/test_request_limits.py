"""How many requests signed-in callers may send in a minute: a bucket for each user and worker."""

import re
import time
from uuid import uuid4

import httpx
import pytest
from client import Api, Execute, Started, User, assert_problem

from app.http.buckets import SIZE, Buckets


class Clock:
    """The time of the buckets, which a test moves on."""

    def __init__(self) -> None:
        self.now = 1_000_000 * 10**9

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 10**9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("app.http.buckets.monotonic_ns", clock)
    return clock


@pytest.fixture
def start(started: Started) -> Started:
    """Start a worker that counts requests. Its users come from another one, which does not count how often they register."""
    return lambda **changes: started(rate_limits=True, pool_size=1, **changes)


def guest_of(api: Api) -> User:
    return User(api, api.post("/v1/auth/guest").json())


def made_service(user: User, execute: Execute) -> User:
    execute("update users set role = 'service' where id = $1::text::uuid", user.id)
    return user


def statuses(answers: list[httpx.Response]) -> dict[int, int]:
    found = [answer.status_code for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


def left(answer: httpx.Response) -> tuple[str, int, int]:
    """What an answer says is left: of which policy, how many, and when there is one more."""
    found = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found, answer.headers["ratelimit"]
    return found[1], int(found[2]), int(found[3])


def assert_refused(answer: httpx.Response, seconds: int) -> None:
    assert_problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == str(seconds)
    assert left(answer)[1:] == (0, seconds)
    assert answer.headers["ratelimit-policy"]


def test_every_answer_to_a_signed_in_caller_says_what_is_left(start: Started, api: Api, clock: Clock) -> None:
    user = api.user().at(start())
    task = user.task()
    tag = f'"{task["version"]}"'
    answers = [
        user.get("/v1/me"),
        user.get(f"/v1/tasks/{task['id']}", headers={"If-None-Match": tag}),
        user.request("HEAD", "/v1/tasks"),
        user.post("/v1/tasks", {"title": 7}),
        user.get(f"/v1/tasks/{uuid4()}"),
        user.get("/v1/nowhere"),
        user.request("DELETE", "/v1/tasks"),
        user.get("/v1/admin/users"),
        user.delete(f"/v1/tasks/{task['id']}"),
    ]
    assert [answer.status_code for answer in answers] == [200, 304, 200, 422, 404, 404, 405, 403, 204]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"user";q=1200;w=60'}
    assert [left(answer) for answer in answers] == [("user", 1198 - n, 1) for n in range(len(answers))]


def test_a_guest_has_120_requests_and_then_two_a_second(start: Started, api: Api, clock: Clock) -> None:
    guest = guest_of(api).at(start())
    first = guest.get("/v1/me")
    assert first.headers["ratelimit-policy"] == '"guest";q=120;w=60'
    assert statuses([guest.get("/v1/me") for _ in range(125)]) == {200: 119, 429: 6}
    clock.sleep(0.4)
    assert_refused(guest.get("/v1/me"), 1)
    clock.sleep(0.1)
    assert left(guest.get("/v1/me")) == ("guest", 0, 1)
    assert_refused(guest.get("/v1/me"), 1)
    clock.sleep(10)
    assert statuses([guest.get("/v1/me") for _ in range(25)]) == {200: 20, 429: 5}
    clock.sleep(3600)
    assert statuses([guest.get("/v1/me") for _ in range(125)]) == {200: 120, 429: 5}


def test_retry_after_is_when_there_is_one_more_and_what_is_refused_costs_nothing(
    start: Started, api: Api, clock: Clock
) -> None:
    user = api.user().at(start(user_requests_per_minute=4))
    assert [left(user.get("/v1/me")) for _ in range(4)] == [("user", n, 15) for n in (3, 2, 1, 0)]
    for _ in range(50):
        assert_refused(user.get("/v1/me"), 15)
    clock.sleep(4.5)
    assert_refused(user.get("/v1/me"), 11)
    clock.sleep(10.5)
    assert left(user.get("/v1/me")) == ("user", 0, 15)
    assert_refused(user.get("/v1/me"), 15)


def test_a_bucket_is_a_users_and_not_a_tokens_nor_another_users(start: Started, api: Api, clock: Clock) -> None:
    limited = start(user_requests_per_minute=5)
    user, other = api.user(), api.user()
    token = user.post("/v1/me/tokens", {"name": "Script", "scopes": ["read"]}).json()["token"]
    answers = [limited.get("/v1/tasks", token=each) for each in (user.token, token) * 4]
    assert statuses(answers) == {200: 5, 429: 3}
    assert limited.get("/v1/tasks", token=other.token).status_code == 200


def test_each_worker_has_buckets_of_its_own(start: Started, api: Api, clock: Clock) -> None:
    user = api.user()
    for worker in (start(user_requests_per_minute=5), start(user_requests_per_minute=5)):
        assert statuses([user.at(worker).get("/v1/me") for _ in range(7)]) == {200: 5, 429: 2}


def test_of_requests_at_once_no_more_pass(start: Started, api: Api, clock: Clock) -> None:
    limited, user = start(user_requests_per_minute=20), api.user()
    answers = limited.together(*(limited.send("GET", "/v1/me", token=user.token) for _ in range(50)))
    assert statuses(answers) == {200: 20, 429: 30}


def test_a_token_is_asked_for_first_and_everything_else_after_the_bucket(
    start: Started, api: Api, execute: Execute, clock: Clock
) -> None:
    limited = start(user_requests_per_minute=1)
    user = api.user()
    narrow = user.post("/v1/me/tokens", {"name": "Script", "scopes": ["habits:read"]}).json()["token"]
    assert limited.get("/v1/me", token=user.token).status_code == 200
    assert_problem(limited.get("/v1/me"), 401, "unauthenticated")
    assert "ratelimit" not in limited.get("/v1/me").headers
    assert_problem(limited.get("/v1/me", token="hf_" + "x" * 43), 401, "unauthenticated")
    for token in (user.token, narrow):
        for method, path, options in (
            ("GET", "/v1/tasks", {}),
            ("GET", "/v1/admin/users", {}),
            ("GET", "/v1/nowhere", {}),
            ("PATCH", "/v1/tasks", {}),
            ("GET", "/v1/tasks/nonsense", {}),
            ("POST", "/v1/tasks", {"content": b"x" * 300_000}),
            ("POST", "/v1/tasks", {"content": b"{", "headers": {"Content-Type": "text/plain"}}),
            ("GET", "/v1/tasks?nonsense=1", {}),
            ("GET", "/v1/me", {"headers": {"X-On-Behalf-Of": user.id}}),
        ):
            answer = limited.request(method, path, token=token, **options)
            assert_problem(answer, 429, "rate_limited")


def test_what_is_for_everyone_takes_nothing_from_a_bucket(start: Started, api: Api, clock: Clock) -> None:
    user = api.user().at(start(user_requests_per_minute=2))
    for path in ("/health/live", "/openapi.json", "/problems/invalid", "/metrics"):
        assert "ratelimit" not in user.get(path).headers
    assert [left(user.get("/v1/me"))[1] for _ in range(2)] == [1, 0]
    assert user.get("/health/live").status_code == 200


def test_a_service_has_no_bucket_and_each_user_that_it_acts_for_has_one(
    start: Started, api: Api, execute: Execute, clock: Clock
) -> None:
    limited = start(user_requests_per_minute=3, guest_requests_per_minute=2)
    service = made_service(api.user(), execute).at(limited)
    one, two, guest = api.user(), api.user(), guest_of(api)

    def acting(user: User) -> httpx.Response:
        return service.get("/v1/tasks", headers={"X-On-Behalf-Of": user.id})

    own = [service.get("/v1/me") for _ in range(20)]
    assert statuses(own) == {200: 20}
    assert not [answer for answer in own if "ratelimit" in answer.headers]
    assert statuses([acting(user) for _ in range(5) for user in (one, two, guest)]) == {200: 8, 429: 7}
    # It is the user's bucket, whoever takes from it.
    assert_refused(one.at(limited).get("/v1/tasks"), 20)
    assert service.get("/v1/me").status_code == 200


def test_without_rate_limits_nothing_is_counted(api: Api) -> None:
    guest = guest_of(api)
    answers = [guest.get("/v1/me") for _ in range(130)]
    assert statuses(answers) == {200: 130}
    assert not [answer for answer in answers if "ratelimit" in answer.headers or "ratelimit-policy" in answer.headers]


def test_pages_of_other_origins_may_read_what_is_left(start: Started, api: Api) -> None:
    limited = start(cors_origins=("https://app.example",))
    answer = limited.get("/v1/me", token=api.user().token, headers={"Origin": "https://app.example"})
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= exposed


def test_buckets_of_a_million_users_take_the_memory_of_those_in_use(clock: Clock) -> None:
    buckets = Buckets("user", 1200)
    for user in range(1_000_000):
        clock.sleep(0.0001)
        buckets.take(user)
    assert len(buckets) <= SIZE
    # Those that are in use are kept.
    crowd, began = Buckets("user", 1), time.process_time()
    for user in range(10 * SIZE):
        crowd.take(user)
    assert len(crowd) == 10 * SIZE
    # Looking at all of them at each request would take minutes.
    assert time.process_time() - began < 10
    with pytest.raises(Exception, match="rate_limited"):
        crowd.take(0)


def test_the_document_says_once_what_the_headers_mean(api: Api) -> None:
    document = api.get("/openapi.json").json()
    for name in ("RateLimit", "RateLimit-Policy", "Retry-After"):
        assert document["components"]["headers"][name]["description"]
    refusal = document["components"]["responses"]["RateLimited"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(refusal["headers"])
    for path, item in document["paths"].items():
        for operation in item.values():
            if path.startswith("/v1/") and operation.get("security") != []:
                assert "429" in operation["responses"], path
                assert not [each for each in operation["responses"].values() if "RateLimit" in each.get("headers", {})]
