"""What goes in and out of /v1/media."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import END, SPACE, Id, Timestamp, Version
from app.http.idempotency import ChosenFormId
from app.http.pagination import OrderedPageQuery
from app.problems import constraints
from app.tags.targets import KINDS, Kind

constraints.owned(
    "media",
    length={"file_name": "1 to 255", "content_type": "3 to 255", "alt_text": "at most 1000", "storage_key": "1 to 500"},
    bounds=dict.fromkeys(("size_bytes", "width", "height"), "more than 0"),
    not_blank=("file_name",),
    unique=("storage_key",),
)
constraints.declare(
    {
        **{f"media_{target}_exists": ("not_found", "taggable_id", "does not exist") for target in KINDS.values()},
        "media_sha_form": ("invalid", "sha256", "must be a hash of 64 digits"),
        "media_one_target": ("invalid", "taggable_id", "must be one row"),
    }
)
constraints.declare(
    {
        "media_deletions_pkey": ("conflict", "storage_key", "is taken"),
        "media_deletions_storage_key_length": constraints.has_length("storage_key", "1 to 500"),
        "deleted_objects_pkey": ("conflict", "storage_key", "is taken"),
        "deleted_objects_storage_key_length": constraints.has_length("storage_key", "1 to 500"),
        "media_thumbnails_pkey": ("conflict", "width", "is taken"),
        "media_thumbnails_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "media_thumbnails_media_exists": ("not_found", "media_id", "does not exist"),
        "media_thumbnails_width_known": ("invalid", "width", constraints.ONE_OF),
        "media_thumbnails_outcome_known": ("invalid", "outcome", constraints.ONE_OF),
        "media_thumbnails_content_type_length": constraints.has_length("content_type", "3 to 255"),
        "media_thumbnails_size_bytes_range": ("invalid", "size_bytes", "must be more than 0"),
        "media_thumbnails_sha_form": ("invalid", "sha256", "must be a hash of 64 digits"),
        "media_thumbnails_storage_key_length": constraints.has_length("storage_key", "1 to 500"),
        "media_thumbnails_storage_key_unique": ("conflict", "storage_key", "is taken"),
        "media_thumbnails_object": ("invalid", "outcome", "must fit the object"),
        "media_links_pkey": ("conflict", "token_hash", "is taken"),
        "media_links_token_hash_length": constraints.has_length("token_hash", "32"),
        "media_links_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "media_links_media_exists": ("not_found", "media_id", "does not exist"),
    }
)


# Neither control characters, of which headers could be made, nor what separates folders.
_NEVER = r"/\\\x00-\x1f\x7f-\x9f\u2028\u2029"

FileName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=f"^[^{_NEVER}]*[^{_NEVER}{SPACE}][^{_NEVER}]*{END}",
        description="Not blank; without slashes, backslashes and control characters.",
        examples=["holiday.jpg"],
    ),
]
AltText = Annotated[str, Meta(max_length=1000, description="Read by those who cannot see it.", examples=["Ada by the sea"])]
TaggableType = Annotated[Kind, Meta(description="The kind of row that it is attached to.", examples=["tasks"])]
TaggableId = Annotated[
    UUID, Meta(description="The row that it is attached to.", examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"])
]
IsPublic = Annotated[
    bool,
    Meta(
        description="Links to its content may be without an end; when it is false again, those no longer work.", examples=[True]
    ),
]
Pixels = Annotated[int, Meta(ge=1, description="Of an image, as it is shown; null where unknown.", examples=[1600])]


class Media(msgspec.Struct, frozen=True):
    """A file."""

    id: Id
    file_name: FileName
    content_type: Annotated[str, Meta(description="Told from the bytes, not by the client.", examples=["image/jpeg"])]
    size_bytes: Annotated[int, Meta(ge=1, examples=[245_760])]
    sha256: Annotated[str, Meta(description="Of the content, in hexadecimal; the content's ETag.", examples=["9f86d081" * 8])]
    width: Pixels | None
    height: Pixels | None
    alt_text: AltText | None
    is_public: IsPublic
    taggable_type: TaggableType | None
    taggable_id: TaggableId | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class Stored(msgspec.Struct, frozen=True):
    """What it takes to serve the bytes of a file."""

    file_name: str
    content_type: str
    size_bytes: int
    sha256: str
    storage_key: str
    width: int | None
    height: int | None


NoThumbnail = Literal["larger", "failed"]


class Thumbnail(msgspec.Struct, frozen=True):
    """What is known of a thumbnail; where it was not kept, only that."""

    outcome: Literal["kept"] | NoThumbnail
    content_type: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    storage_key: str | None = None


class ThumbnailFacts(msgspec.Struct, frozen=True):
    """What is found out of a thumbnail: columns of its row."""

    content_type: str
    size_bytes: int
    sha256: str


class Linked(Stored, frozen=True):
    """A file that is read at the address of a link."""

    user_id: UUID
    id: UUID
    seconds_left: int | None
    """How long the link still holds; None: for as long as the file is public."""


class MediaLinkCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link to be made."""

    expires_in: Annotated[
        Annotated[int, Meta(ge=1, le=30 * 86400, examples=[3600])] | None,
        Meta(description="Seconds, at most 30 days; null, for a public file only: for as long as it is public."),
    ]


class LinkEnd(msgspec.Struct, frozen=True):
    """What the database says of a link that it made."""

    expires_at: Timestamp | None


class MediaLink(msgspec.Struct, frozen=True):
    """An address at which the content of a file is read without a token."""

    url: Annotated[
        str,
        Meta(
            description="On this server. Who has it may read the content: it is told once, and kept as a hash.",
            examples=["/v1/public/media/3q2-7wAAq83vEjRWeJq83vEjRWeJq83vEjRWeJq83vE"],
        ),
    ]
    expires_at: Annotated[Timestamp | None, Meta(description="Null: for as long as the file is public.")]


class MediaForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The form of an upload: multipart/form-data, its fields in any order; an `id` best before the file."""

    file: Annotated[
        str,
        Meta(
            description="The file, with its name.",
            extra_json_schema={"format": "binary", "contentMediaType": "application/octet-stream"},
        ),
    ]
    alt_text: AltText | UnsetType = UNSET
    is_public: IsPublic | UnsetType = UNSET
    taggable_type: TaggableType | UnsetType = UNSET
    taggable_id: TaggableId | UnsetType = UNSET
    id: ChosenFormId | UnsetType = UNSET


class FileFacts(msgspec.Struct, frozen=True):
    """What is found out of a file while it arrives: columns of its row."""

    content_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None


class MediaPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a file: an absent field stays, null clears it. Both of taggable_type and taggable_id, or none."""

    file_name: FileName | UnsetType = UNSET
    alt_text: AltText | None | UnsetType = UNSET
    is_public: IsPublic | UnsetType = UNSET
    taggable_type: TaggableType | None | UnsetType = UNSET
    taggable_id: TaggableId | None | UnsetType = UNSET


ThumbnailWidth = Annotated[
    Literal["160", "320", "640", "1280"],
    Meta(
        title="ThumbnailWidth",
        description="A thumbnail of a JPEG, PNG, GIF or WebP, this many pixels wide, as JPEG or WebP: its first frame, "
        "upright, without what a camera wrote into it. The file itself where that is no wider, or has no more bytes.",
        examples=["320"],
    ),
]


class ContentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the content of a file is wanted."""

    width: ThumbnailWidth | None = None


class MediaQuery(OrderedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of files."""

    taggable_type: Annotated[Kind, Meta(description="With `taggable_id`: only what is attached to this row.")] | None = None
    taggable_id: Annotated[UUID, Meta(description="With `taggable_type`.")] | None = None
