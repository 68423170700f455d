"""Every problem that the API can answer with: one list for errors, /problems/<code> and the OpenAPI document."""

from typing import Annotated

import msgspec
from msgspec import Meta


class FieldError(msgspec.Struct, frozen=True):
    """A rule that a field of the body or a query parameter breaks."""

    field: Annotated[str, Meta(description="Where in the body, or which parameter.", examples=["title"])]
    code: Annotated[str, Meta(examples=["required"])]
    message: Annotated[str, Meta(examples=["is required"])]


class Kind(msgspec.Struct, frozen=True):
    """The fixed part of a problem: its status, its title, and an explanation for whoever has to deal with it."""

    status: int
    title: str
    explanation: str
    example: FieldError | None = None
    """Of a problem that always comes with `errors`: what these may be."""


KINDS: dict[str, Kind] = {
    "malformed_json": Kind(400, "Malformed JSON", "The body is not JSON in UTF-8, or is empty."),
    "malformed_multipart": Kind(400, "Malformed form", "The body is not complete, well-formed multipart/form-data."),
    "invalid_token": Kind(
        400,
        "Link no longer good",
        "This link was used before, a newer one took its place, or it has expired: ask for another mail.",
    ),
    "invalid_state": Kind(
        400,
        "No such sign-in",
        "This sign-in was begun more than ten minutes ago, or is done already. Nothing was changed; start again in the app.",
    ),
    "invalid_code": Kind(
        400,
        "Invalid code",
        "The code was used or is older than a minute, or the verifier is another app's. Nothing was changed: start again.",
    ),
    "provider_refused": Kind(
        400,
        "Sign-in provider refused",
        "The provider did not sign anybody in, or does not prove whom. Nothing was changed; try again, or sign in another way.",
    ),
    "bad_request": Kind(400, "Bad request", "The request does not follow HTTP: see detail."),
    "unauthenticated": Kind(
        401, "Not signed in", "Send `Authorization: Bearer <token>` with a token that has not expired or been revoked."
    ),
    "invalid_credentials": Kind(
        401, "Wrong login or password", "There is no such account, or its password is different; the answer does not say which."
    ),
    "invalid_id_token": Kind(
        401,
        "Invalid ID token",
        "The ID token is another provider's, for another app, changed, used before, expired or older than ten minutes.",
    ),
    "insufficient_credits": Kind(
        402,
        "Not enough credits",
        "The account has fewer credits than this costs; none were deducted. The answer has what GET /v1/credits gives: "
        "available, max_credits, is_guest and resets_at.",
    ),
    "wrong_password": Kind(403, "Wrong password", "The password in the body is not the one of this account."),
    "account_disabled": Kind(403, "Account disabled", "This account was disabled by an administrator of this server."),
    "access_denied": Kind(403, "Sign-in declined", "Whoever was to sign in with the provider declined. Nothing was changed."),
    "forbidden": Kind(403, "Forbidden", "The resource exists, but belongs to another user."),
    "role_required": Kind(403, "Role required", "This is for admins or services; the account of the token is neither."),
    "insufficient_scope": Kind(403, "Insufficient scope", "The scopes of this API token do not include this request."),
    "storage_quota_exceeded": Kind(
        403,
        "Storage quota exceeded",
        "This account stores as much as it may: delete something, then try again. Reading and deleting go on.",
    ),
    "session_required": Kind(
        403,
        "Session required",
        "Passwords, sessions, tokens, e-mail and user name are changed by a signed-in user: by no API token and no service.",
    ),
    "fresh_sign_in_required": Kind(
        403,
        "Fresh sign-in required",
        "What was asked for takes a session of the last 15 minutes: sign in again, then repeat it.",
    ),
    "not_found": Kind(404, "Not found", "There is nothing at this address, or the resource does not exist (any more)."),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "The address exists but does not take this method; the Allow header lists those it takes.",
    ),
    "request_timeout": Kind(
        408, "Request timed out", "Nothing of the body arrived for too long. Nothing was done; send the request again."
    ),
    "already_registered": Kind(
        409,
        "Already registered",
        "The token belongs to a registered account; register without a token to make another.",
    ),
    "already_verified": Kind(
        409, "Already verified", "The e-mail address of this account is verified: there is nothing to confirm."
    ),
    "email_taken": Kind(409, "E-mail taken", "Another account has this e-mail address; letter case does not count."),
    "identity_taken": Kind(
        409,
        "Identity taken",
        "Who you are at the provider belongs to another account: sign in to that one, and take it away there first.",
    ),
    "username_taken": Kind(409, "User name taken", "Another account has this user name; letter case does not count."),
    "conflict": Kind(
        409,
        "Conflict",
        "The resource collides with an existing one, or with a change at the same time; errors names the field.",
        FieldError("id", "taken", "is taken"),
    ),
    "idempotency_conflict": Kind(
        409, "Idempotency key used", "The idempotency key was used before with other content. Use a new key for a new request."
    ),
    "id_taken": Kind(
        409,
        "Id taken",
        "The id is that of a resource that another body made, unchanged since; errors names it. A new resource needs a new id.",
        FieldError("id", "id_taken", "is that of a row which another body made"),
    ),
    "already_refunded": Kind(409, "Already refunded", "This deduction was refunded before; it can be refunded once."),
    "last_way_in": Kind(
        409,
        "Last way in",
        "Without it nobody could sign in to the account: set a password (PUT /v1/me/password) or link another identity first.",
    ),
    "last_admin": Kind(409, "Last admin", "This is the last active admin: make another account an admin first."),
    "seq_conflict": Kind(
        409, "Not the next message", "Another message has this seq already, or an earlier one is missing. Read the last ones."
    ),
    "version_mismatch": Kind(
        412,
        "Precondition failed",
        "The resource has another version than If-Match names, or one that If-None-Match names; or the header is neither * nor "
        "a list of tags as ETag gives them, strong ones in If-Match. Read it again.",
    ),
    "body_too_large": Kind(
        413, "Body too large", "The body is larger than this address accepts: 256 KiB unless it says otherwise."
    ),
    "media_quota_exceeded": Kind(
        413, "Quota exceeded", "With this file you would store more than this server allows: delete other files first."
    ),
    "uri_too_long": Kind(414, "Address too long", "The address is longer than the proxy in front of this server takes."),
    "headers_too_large": Kind(
        431, "Headers too large", "The headers are longer than the proxy in front of this server takes: is a cookie among them?"
    ),
    "server_unavailable": Kind(
        503,
        "Server unavailable",
        "The proxy in front of this server got no answer from it. Try again shortly.",
    ),
    "range_not_satisfiable": Kind(416, "Range not satisfiable", "The content ends before the range begins."),
    "unsupported_media_type": Kind(
        415, "Unsupported media type", "Send `Content-Type: application/json`, in UTF-8; for a file `multipart/form-data`."
    ),
    "invalid": Kind(
        422,
        "Invalid input",
        "A field or a query parameter breaks a rule; errors says which one and why.",
        FieldError("title", "required", "is required"),
    ),
    "body_too_complex": Kind(
        422,
        "Body too complex",
        "A body has at most 100,000 values (numbers, texts, lists, objects, true, false, null) and is at most 100 levels deep.",
    ),
    "batch_answer_too_large": Kind(
        422,
        "Answers too large",
        "What the operations of a batch answer is at most 8 MiB. Nothing was done: ask for less, or in several batches.",
    ),
    "goals_cycle": Kind(422, "Goals in a circle", "A goal cannot be a sub-goal of itself: choose another parent, or none."),
    "goals_too_deep": Kind(
        422, "Goals too deep", "With this parent there would be more than 100 goals, one below the other: choose one higher up."
    ),
    "goals_tree_too_large": Kind(
        422, "Too many sub-goals", "The tree of this goal has more than 10,000 goals. Read the trees of its sub-goals instead."
    ),
    "read_only": Kind(
        422,
        "Read-only field",
        "A field that only the server sets differs from what stands: send it as it was read, or leave it out; errors names it.",
        FieldError("version", "read_only", "is set by the server, and differs from what stands"),
    ),
    "invalid_cursor": Kind(
        422, "Invalid cursor", "The cursor was not made by this list for this order. Start again without it."
    ),
    "id_not_time_ordered": Kind(
        422, "Id is not time-ordered", "A chosen id must be a UUID of version 7, because lists are ordered by id."
    ),
    "id_in_future": Kind(422, "Id lies in the future", "The time inside a chosen id may be at most 24 hours ahead."),
    "rate_limited": Kind(429, "Too many requests", "Wait as many seconds as Retry-After says, then try again."),
    "quota_exhausted": Kind(
        429,
        "Quota used up",
        "No more user messages are allowed until resets_at: limit says whether the daily or the monthly quota is used up.",
    ),
    "internal_error": Kind(
        500, "Internal error", "A defect of this server. Its log has the details under the request id; no change was half done."
    ),
    "database_unavailable": Kind(
        503, "Database unavailable", "The database cannot be reached. The request was not carried out; try again shortly."
    ),
    "overloaded": Kind(503, "Server busy", "More requests came than can be answered. Nothing was done; try again shortly."),
    "pool_exhausted": Kind(503, "Server busy", "Too few database connections were free. Try again shortly."),
    "database_busy": Kind(503, "Server busy", "The change collided with other changes repeatedly. Try again shortly."),
    "database_read_only": Kind(
        503, "Database takes no writes", "The database is read-only or its disk is full. Reading still works."
    ),
    "thumbnail_queue_full": Kind(503, "Server busy", "Too many thumbnails are waiting to be made. Try again shortly."),
    "export_queue_full": Kind(
        503, "Server busy", "An export of yours is under way, or as many of others as are made at once. Try again shortly."
    ),
    "password_queue_full": Kind(503, "Server busy", "Too many passwords are waiting to be checked. Try again shortly."),
    "mail_not_configured": Kind(
        503,
        "No mail is sent",
        "This server sends no mail: whoever runs it has to set SMTP_URL, and can set a password for you.",
    ),
    "storage_unavailable": Kind(
        503, "File store unavailable", "The file store cannot be reached. Nothing was stored; try again shortly."
    ),
    "provider_unavailable": Kind(
        503,
        "Sign-in provider unavailable",
        "The provider cannot be reached, or answers nothing of use. Nothing was done; try again shortly, or in another way.",
    ),
    "query_timeout": Kind(504, "Query timed out", "The database took too long; the request was not carried out."),
}


ProblemCode = Annotated[
    str,
    Meta(
        title="ProblemCode",
        description="Stable: what a program looks at.",
        examples=["invalid"],
        extra_json_schema={"enum": sorted(KINDS)},
    ),
]
