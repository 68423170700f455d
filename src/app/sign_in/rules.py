"""The rules of signing in by a provider: its start, its way back, and what the app gets for its code."""

import base64
import hashlib
import hmac
import secrets

import structlog

from app.accounts.schemas import SignedIn
from app.accounts.sessions import session_start
from app.auth.sealing import SealError
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.http.clients import Client
from app.http.exception_handlers import problem_for
from app.http.rate_limits import hit
from app.http.services import Services
from app.problems.problem import Problem, invalid
from app.providers.identity import ProvidedIdentity, ProviderRefused, signed_part_hash
from app.sign_in import repository
from app.sign_in.matching import admit
from app.sign_in.redirects import is_allowed, with_parameter
from app.sign_in.repository import Linking, TakenState
from app.sign_in.schemas import CodeExchange, IdTokenSignIn, ProviderAnswer, SignInStart
from app.telemetry import metrics

log = structlog.get_logger()

MINUTE = 60

ATTEMPTS = 60
"""Of each kind, a minute and network: an office that comes in at nine, behind one address."""


async def start(services: Services, client: Client, linking: Linking | None, provider: str, wanted: SignInStart) -> str:
    """Put a sign-in down, and say where the browser goes. Raises Problem 404, 422, 429, 503, and then nothing was put down."""
    if provider not in services.providers.names:
        raise Problem("not_found")
    if not is_allowed(wanted.redirect, services.settings.sign_in_redirects):
        raise invalid("redirect", "unknown", "must be one of SIGN_IN_REDIRECTS, to the letter")
    await hit(services, "sign-in-start", client.network, ATTEMPTS, MINUTE)
    state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    url = await services.providers.authorization_url(provider, state=state, nonce=nonce, verifier=verifier)
    await repository.begin(
        services.database,
        state_hash=_hash(state),
        provider=provider,
        redirect=wanted.redirect,
        challenge=base64.urlsafe_b64decode(f"{wanted.code_challenge}="),
        sealed=services.keys.seal(f"{verifier}.{nonce}".encode()),
        linking=linking,
    )
    return url


async def take_answer(services: Services, client: Client, provider: str, answer: ProviderAnswer) -> str:
    """Find out who a provider sends back, and where the browser goes now: to the app, with a code or with what went wrong.

    Nothing happens to an account: whose browser this is, is not known. Raises Problem 404, and 400 for a state that is not
    under way, for which there is no app to go back to.
    """
    if provider not in services.providers.names:
        raise Problem("not_found")
    state_hash = _hash(answer.state)
    taken = await repository.take_state(services.database, state_hash, provider)
    # Those of the settings may be others by now.
    if taken is None or not is_allowed(taken.redirect, services.settings.sign_in_redirects):
        _note(client, provider, "invalid_state")
        raise Problem("invalid_state")
    try:
        code = await _code(services, provider, answer, state_hash, taken)
    except (Problem, DatabaseUnavailable, QueryTimeout) as error:
        outcome = problem_for(error).code
        _note(client, provider, outcome)
        return with_parameter(taken.redirect, "error", outcome)
    return with_parameter(taken.redirect, "code", code)


async def _code(services: Services, provider: str, answer: ProviderAnswer, state_hash: bytes, taken: TakenState) -> str:
    """The code for who was sent back. Raises Problem 400, 403, 404, 503."""
    identity = await _identity(services, provider, answer, taken)
    code = secrets.token_urlsafe(32)
    if not await repository.keep_identity(services.database, state_hash, _hash(code), identity):
        raise Problem("invalid_state")
    return code


async def _identity(services: Services, provider: str, answer: ProviderAnswer, taken: TakenState) -> ProvidedIdentity:
    """Who a provider sends back. Raises Problem 400, 403, 404, 503."""
    if answer.error == "access_denied":
        raise Problem("access_denied")
    if answer.error is not None or not answer.code:
        # What it says is the provider's, or of whoever made this address up: it is not handed on.
        raise Problem("provider_refused")
    try:
        verifier, nonce = services.keys.open(taken.sealed).decode().split(".")
    except SealError:
        raise Problem("invalid_state") from None
    try:
        return await services.providers.identity_of_code(
            provider, code=answer.code, verifier=verifier, nonce=nonce, issuer=answer.iss
        )
    except ProviderRefused:
        raise Problem("provider_refused") from None


async def exchange(services: Services, client: Client, sent: CodeExchange) -> SignedIn:
    """Sign in whoever a code is about. Raises Problem 400, 401, 403, 409, 429."""
    await hit(services, "sign-in-exchange", client.network, ATTEMPTS, MINUTE)
    spent = await repository.spend_code(services.database, _hash(sent.code))
    if spent is None or not hmac.compare_digest(_hash(sent.verifier), spent.challenge):
        _note(client, None, "invalid_code")
        raise Problem("invalid_code")
    return await _sign_in(services, client, spent.who, spent.linking, device_name=sent.device_name)


async def sign_in_by_id_token(services: Services, client: Client, linking: Linking | None, sent: IdTokenSignIn) -> SignedIn:
    """Sign in whoever an ID token is about, once. Raises Problem 401, 403, 404, 409, 429, 503."""
    await hit(services, "sign-in-id-token", client.network, ATTEMPTS, MINUTE)
    try:
        identity = await services.providers.identity_of_id_token(sent.provider, sent.id_token, sent.nonce)
    except Problem as problem:
        is_known = sent.provider in services.providers.names
        _note(client, sent.provider if is_known else None, problem.code)
        raise
    used = signed_part_hash(sent.id_token)
    return await _sign_in(services, client, identity, linking, device_name=sent.device_name, id_token_hash=used)


async def _sign_in(
    services: Services,
    client: Client,
    identity: ProvidedIdentity,
    linking: Linking | None,
    *,
    device_name: str | None,
    id_token_hash: bytes | None = None,
) -> SignedIn:
    token, session = session_start(services, client, device_name)
    try:
        admission = await admit(services, client, identity, linking, session, id_token_hash=id_token_hash)
    except Problem as problem:
        _note(client, identity.provider, problem.code, identity)
        raise
    _note(client, identity.provider, admission.outcome, identity, str(admission.user.id))
    return SignedIn(token, admission.expires_at, admission.user)


def _note(
    client: Client, provider: str | None, outcome: str, identity: ProvidedIdentity | None = None, user_id: str | None = None
) -> None:
    """Log what became of a sign-in, with hashes as log_in does, and count it."""
    metrics.sign_ins.labels(provider or "none", outcome).inc()
    subject = None if identity is None else _logged(f"{identity.provider}:{identity.subject}")
    log.info("sign_in", provider=provider, outcome=outcome, identity=subject, network=_logged(client.network), user_id=user_id)


def _logged(text: str) -> str:
    """What stands for an identity or a network in the log: equal ones can be counted, and none is read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hash(text: str) -> bytes:
    """SHA-256: enough for 256 random bits, and what PKCE asks for."""
    return hashlib.sha256(text.encode()).digest()
