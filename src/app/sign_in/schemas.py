"""What goes in and out of signing in by a provider."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.accounts.session_schemas import DeviceName
from app.http.fields import END
from app.problems import constraints

constraints.declare(
    {
        "pending_sign_ins_pkey": ("conflict", "state", "is taken"),
        "pending_sign_ins_state_hash_length": ("invalid", "state", "must be a hash of 32 bytes"),
        "pending_sign_ins_provider_length": constraints.has_length("provider", "1 to 30"),
        "pending_sign_ins_redirect_length": constraints.has_length("redirect", "1 to 2000"),
        "pending_sign_ins_challenge_length": ("invalid", "code_challenge", "must be a hash of 32 bytes"),
        "pending_sign_ins_sealed_length": ("invalid", "state", "must have secrets of at most 1000 bytes"),
        "pending_sign_ins_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "pending_sign_ins_session_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
        "pending_sign_ins_code_hash_unique": ("conflict", "code", "is taken"),
        "pending_sign_ins_code_hash_length": ("invalid", "code", "must be a hash of 32 bytes"),
        "pending_sign_ins_identity_length": ("invalid", "identity", "must have at most 10000 bytes"),
        "pending_sign_ins_user_with_session": ("invalid", "user_id", "must come with its session"),
        "pending_sign_ins_code_with_identity": ("invalid", "code", "must come with an identity"),
        "pending_sign_ins_code_after_state": ("invalid", "code", "must come after the state was taken"),
        "used_id_tokens_pkey": ("invalid_id_token", "id_token", "was used before"),
        "used_id_tokens_token_hash_length": ("invalid", "id_token", "must be a hash of 32 bytes"),
    }
)


Redirect = Annotated[
    str,
    Meta(
        max_length=2000,
        description="One of SIGN_IN_REDIRECTS, to the letter; `http://127.0.0.1` and `http://[::1]` are with any port.",
        examples=["https://app.example/signed-in"],
    ),
]
CodeChallenge = Annotated[
    str,
    Meta(
        pattern=f"^[A-Za-z0-9_-]{{42}}[AEIMQUYcgkosw048]{END}",
        description="PKCE by S256 (RFC 7636): the SHA-256 of the app's `verifier`, in base64url.",
        examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
    ),
]
ProviderName = Annotated[str, Meta(max_length=30, description="One of OIDC_PROVIDERS.", examples=["google"])]


class SignInStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an app says when it sends somebody to a provider."""

    redirect: Redirect
    code_challenge: CodeChallenge


class SignInAddress(msgspec.Struct, frozen=True):
    """Where somebody signs in."""

    authorization_url: Annotated[
        str,
        Meta(
            description="Where the browser goes, once and within ten minutes.",
            examples=["https://accounts.google.com/o/oauth2/v2/auth?..."],
        ),
    ]


Said = Annotated[str, Meta(max_length=8000)]


class ProviderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says by way of the browser (RFC 6749, 4.1.2; RFC 9207). Each says more, which is for others."""

    state: Said = ""
    code: Said | None = None
    error: Said | None = None
    iss: Said | None = None


class CodeExchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The code that the app was given, and the verifier that only this app has."""

    code: Annotated[
        str,
        Meta(
            max_length=200,
            description="Lives for a minute, and is spent by the first attempt.",
            examples=["k2Yq9r5cQ3JtX0v7hP1bN8mZs4LwFuAeGdRiTyKjHxo"],
        ),
    ]
    verifier: Annotated[
        str,
        Meta(
            max_length=200,
            description="What the `code_challenge` of the start is the SHA-256 of.",
            examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
        ),
    ]
    device_name: DeviceName | None = None


class IdTokenSignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An ID token that a provider gave an app: Firebase's, Google's on a phone, any OIDC provider's."""

    provider: ProviderName
    id_token: Annotated[
        str,
        Meta(
            max_length=16_000,
            description="At most ten minutes old; each is taken once.",
            examples=["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDg5In0.c2lnbmVk"],
        ),
    ]
    nonce: (
        Annotated[str, Meta(max_length=1000, description="The app's, where it gave one.", examples=["n-0S6_WzA2Mj"])] | None
    ) = None
    device_name: DeviceName | None = None
