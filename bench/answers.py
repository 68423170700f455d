"""What the servers answer, before anything is measured: all of them the same."""

import json
import re
from typing import Any

from bench import data
from bench.servers import BenchError, Server, answer

NOT_OF = {"node": "login"}
"""Side -> the request that it does not have."""


def check(sides: dict[str, Server], user: data.User) -> dict[str, int]:
    """See that every side answers alike: status and the names of the fields. Returns the sizes of Holdfast's answers.

    Raises BenchError when one does not.
    """
    task = f"/v1/tasks/{user.task_ids[0]}"
    foreign = "/v1/tasks/00000000-0000-7000-8000-000000000000"
    login = json.dumps({"email": user.email, "password": data.PASSWORD})
    requests: dict[str, tuple[str, str, str | None, str | None]] = {
        "task": ("GET", task, None, user.token),
        "page": ("GET", "/v1/tasks", None, user.token),
        "patch": ("PATCH", task, '{"completed": true}', user.token),
        "create": ("POST", "/v1/tasks", '{"title": "Task 0: water the plants"}', user.token),
        "login": ("POST", "/v1/auth/login", login, None),
        "unknown field": ("PATCH", task, '{"colour": "green"}', user.token),
        "no such task": ("GET", foreign, None, user.token),
        "unknown token": ("GET", task, None, "hf_" + "A" * 43),
        "no token": ("GET", task, None, None),
    }
    sizes = {}
    for name, (method, path, body, token) in requests.items():
        shapes = {}
        for side, server in sides.items():
            if NOT_OF.get(side) == name:
                continue
            status, content = answer(server.port, path, method=method, body=body, token=token)
            shapes[side] = (status, _shape(json.loads(content)) if status < 400 else None)
            if side == "holdfast":
                sizes[name] = len(content)
        for side, shape in shapes.items():
            if shape != shapes["holdfast"]:
                raise BenchError(f"{side} answers {name} otherwise than Holdfast: {shape} and {shapes['holdfast']}")
    return sizes


def _shape(value: Any) -> Any:
    """The names of a JSON document's fields; of a list, those of its first element, and how many there are."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [len(value), _shape(value[0]) if value else None]
    return None


def statements_per_read(server: Server, user: data.User) -> float:
    """How many statements Holdfast sends for a read of one task, as its own metrics count them: 1 with a session cache."""

    def count() -> float:
        text = answer(server.port, "/metrics")[1].decode()
        return sum(float(value) for value in re.findall(r"^holdfast_query_seconds_count\{[^}]*\} (\S+)", text, re.MULTILINE))

    requests = 50
    before = count()
    for _ in range(requests):
        answer(server.port, f"/v1/tasks/{user.task_ids[0]}", token=user.token)
    return (count() - before) / requests
