"""A real browser, for tests of pages: Chromium, told what to do over its debugging pipe, without any library."""

import itertools
import json
import os
import re
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)

# What a page must not do is noted, and when what is looked for is on the screen.
_NOTES = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
new MutationObserver(() => {
  const drawn = () => { window.shown ??= performance.now(); };
  if (document.querySelector(%s)) requestAnimationFrame(() => requestAnimationFrame(drawn));
}).observe(document, { childList: true, subtree: true });
"""


_LEAVING = re.compile("context was destroyed|navigated or closed|Cannot find (default execution )?context")


class Leaving(Exception):
    """The page is not there any more, and the next one is not there yet."""


class Browser:
    """A browser with one page, and an empty profile in `folder`."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        commands, self._send = os.pipe()
        self._receive, answers = os.pipe()
        nowhere = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_WRONLY, 0) for each in (1, 2)]
        # The pipe's two ends are its descriptors 3 and 4.
        pipe = [(os.POSIX_SPAWN_DUP2, commands, 3), (os.POSIX_SPAWN_DUP2, answers, 4)]
        arguments = [CHROMIUM, *_FLAGS, f"--user-data-dir={folder}"]
        self._process = os.posix_spawn(CHROMIUM, arguments, os.environ, file_actions=[*nowhere, *pipe])
        os.close(commands)
        os.close(answers)
        self._numbers = itertools.count(1)
        self._received = b""
        self._session: dict[str, str] = {}
        self.errors: list[str] = []
        """What its console complained of."""

    def __enter__(self) -> Self:
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._send)
        os.close(self._receive)

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the DevTools protocol."""
        number = next(self._numbers)
        os.write(
            self._send, json.dumps({"id": number, "method": method, "params": parameters} | self._session).encode() + b"\0"
        )
        while (message := self._message()).get("id") != number:
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.errors.append(message["params"]["entry"]["text"])
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))
        if _LEAVING.search(message.get("error", {}).get("message", "")):
            raise Leaving
        assert "error" not in message, message
        return message["result"]

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            received = os.read(self._receive, 1 << 20)
            assert received, "the browser is gone"
            self._received += received
        message, _, self._received = self._received.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page. Raises Leaving while the browser goes to another one."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = 60) -> Any:
        """Wait until an expression is true; its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(Leaving):
                if value := self.evaluate(expression):
                    return value
            time.sleep(0.02)
        raise AssertionError(f"waited in vain for {expression} at {self.evaluate('location.href')}; {self.errors}")

    def open(self, url: str, selector: str) -> float:
        """Open a page; the milliseconds until an element that `selector` finds is on the screen."""
        script = _NOTES % json.dumps(selector)
        note = self.call("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
        self.call("Page.navigate", url=url)
        milliseconds: float = self.until("window.shown")
        self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=note)
        return milliseconds

    def click(self, selector: str) -> None:
        """Click on an element, as soon as it is there."""
        self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, selector: str, text: str) -> None:
        """Type a text into a field, as soon as it is there; past React, which notes what is set directly as its own doing."""
        self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        self.evaluate(
            f"(() => {{ const field = document.querySelector({json.dumps(selector)});"
            f" Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, {json.dumps(text)});"
            " field.dispatchEvent(new Event('input', { bubbles: true })); })()"
        )
