"""The two small pages that links in mails lead to. They load nothing, neither from here nor from elsewhere.

The token is in the fragment of the address, which no browser sends; the page takes it out of the address bar, and sends it when
its button is pressed. Opening a link does nothing by itself: scanners of mail open them, too.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from string import Template

import msgspec
from litestar import Router, get

from app.http.responses import EncodedResponse
from app.http.routes import PUBLIC

_STYLE = """
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 12vh auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; margin: 1rem 0 0.25rem; }
input { box-sizing: border-box; width: 100%; padding: 0.5rem; font: inherit; }
button { margin: 1.25rem 0; padding: 0.6rem 1.2rem; font: inherit; cursor: pointer; }
button:disabled { cursor: default; }
#said:focus { outline: none; }
"""

_SCRIPT = """
"use strict";
const form = document.querySelector("form");
const said = document.querySelector("#said");
const button = document.querySelector("button");
const [one, two] = document.querySelectorAll("input");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);

function say(text) {
  said.textContent = text;
  said.focus();
}

async function send(body) {
  const answer = await fetch(form.dataset.to, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
  });
  if (answer.ok) {
    form.hidden = true;
    say(form.dataset.done);
    return;
  }
  const problem = await answer.json().catch(() => ({}));
  say(problem.detail || "The server could not do this. Try again later.");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (one && one.value !== two.value) {
    say("The two passwords are not the same.");
    two.focus();
    return;
  }
  button.disabled = true;
  say("One moment ...");
  try {
    await send(one ? { token, new: one.value } : { token });
  } catch {
    say("The server cannot be reached. Try again later.");
  }
  button.disabled = false;
});

if (token) {
  form.hidden = false;
} else {
  say("This page needs the whole link of a mail. Open the link in the mail again.");
}
"""

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="icon" href="data:,">
<style>$style</style>
</head>
<body>
<main>
<h1>$title</h1>
<noscript><p>This page needs JavaScript.</p></noscript>
<form data-to="$to" data-done="$done" hidden>
$fields<button type="submit">$action</button>
</form>
<p id="said" role="status" tabindex="-1"></p>
</main>
<script>$script</script>
</body>
</html>
""")

_PASSWORDS = """\
<label for="one">New password, 8 characters or more</label>
<input id="one" type="password" autocomplete="new-password" minlength="8" maxlength="128" required>
<label for="two">The same once more</label>
<input id="two" type="password" autocomplete="new-password" minlength="8" maxlength="128" required>
"""


class Words(msgspec.Struct, frozen=True):
    """What a page says, and where it sends its token."""

    title: str
    to: str
    done: str
    action: str
    fields: str = ""


_VERIFICATION = Words(
    "Confirm your e-mail address",
    "/v1/auth/verification/confirm",
    "Thank you: the address is confirmed. You can close this page.",
    "Confirm",
)

_PASSWORD_RESET = Words(
    "Choose a new password",
    "/v1/auth/password-reset/confirm",
    "The new password is set. Sign in with it; whoever was signed in to the account is not any more.",
    "Set the password",
    _PASSWORDS,
)


def _hashed(text: str) -> str:
    """What the content security policy calls an inline script, or a style sheet."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


# Nothing is loaded, and nobody else's page can show ours in a frame or be sent to by it.
_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        (
            f"default-src 'none'; script-src {_hashed(_SCRIPT)}; style-src {_hashed(_STYLE)}; img-src data:; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ).encode(),
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-cache"),
)


@cache
def _page(words: Words) -> bytes:
    return _PAGE.substitute(msgspec.structs.asdict(words), style=_STYLE, script=_SCRIPT).encode()


@get("/account/verification", opt=PUBLIC, include_in_schema=False)
async def verification() -> EncodedResponse[bytes]:
    """Show the page that confirms an address."""
    return EncodedResponse(_page(_VERIFICATION), headers=_HEADERS)


@get("/account/password-reset", opt=PUBLIC, include_in_schema=False)
async def password_reset() -> EncodedResponse[bytes]:
    """Show the page where a new password is chosen."""
    return EncodedResponse(_page(_PASSWORD_RESET), headers=_HEADERS)


router = Router("/", route_handlers=[verification, password_reset])
"""The pages."""
