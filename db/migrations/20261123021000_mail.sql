-- migrate:up

create table outgoing_mails (
    id uuid primary key default new_id(),
    user_id uuid constraint outgoing_mails_user_exists references users on delete cascade,
    kind text not null constraint outgoing_mails_kind_known check (kind in (
        'verification', 'password_reset', 'email_change', 'email_change_asked', 'email_changed', 'new_device')),
    address text not null constraint outgoing_mails_address_length check (char_length(address) between 3 and 320),
    language text not null default '' constraint outgoing_mails_language_length check (char_length(language) <= 100),
    detail jsonb not null default '{}'
        constraint outgoing_mails_detail_length check (octet_length(detail::text) <= 4000),
    attempts integer not null default 0,
    failure text constraint outgoing_mails_failure_length check (char_length(failure) <= 100),
    due_at timestamptz not null default now(),
    given_up_at timestamptz,
    created_at timestamptz not null default now()
);

-- mail.claim and mail.state
create index outgoing_mails_due on outgoing_mails (due_at) where given_up_at is null;
-- The cascade, and end_access().
create index outgoing_mails_user on outgoing_mails (user_id);

comment on table outgoing_mails is
    'Mail that is to be sent: written in the transaction of what it is about, deleted when a server has taken it.';
comment on column outgoing_mails.user_id is
    'Whom it is about. Null: whoever has the address by the time it is sent, if anybody has. Nobody finds that out by asking.';
comment on column outgoing_mails.language is 'The languages that the reader prefers, as in Accept-Language, without weights.';
comment on column outgoing_mails.detail is 'What its template shows. Neither a token nor a link: those are made when it is sent.';
comment on column outgoing_mails.due_at is
    'When a sender takes it. Moved forward by the one that does, so that no other takes it, and that it is not lost with it.';
comment on column outgoing_mails.given_up_at is 'It was refused for good, or for a day: kept a week for the operator to see.';
comment on column outgoing_mails.failure is 'Why the last attempt failed, as a code: no text of a server, which has addresses in it.';

create table mail_tokens (
    user_id uuid not null constraint mail_tokens_user_exists references users on delete cascade,
    purpose text not null
        constraint mail_tokens_purpose_known check (purpose in ('verification', 'password_reset', 'email_change')),
    token_hash bytea not null
        constraint mail_tokens_token_hash_unique unique
        constraint mail_tokens_token_hash_length check (octet_length(token_hash) = 32),
    email text not null constraint mail_tokens_email_length check (char_length(email) between 3 and 320),
    expires_at timestamptz not null,
    -- One for each purpose: a newer one ends the older by taking its place.
    primary key (user_id, purpose)
);

-- confirmations.delete_expired_tokens
create index mail_tokens_expires_at on mail_tokens (expires_at);

comment on table mail_tokens is 'What the links in mails confirm. A row goes when its link was used.';
comment on column mail_tokens.token_hash is 'SHA-256 of the 256 random bits in the link, which only its reader has.';
comment on column mail_tokens.email is 'The address that it was sent to, which alone it is about.';

-- A password changes because somebody else may know it: what they asked for by mail ends, too. The mails go first: a sender that
-- is about to make a token holds the row of its mail, and the delete of the tokens sees what was made by then.
create or replace function end_access(owner uuid, kept_session bytea, kept_tokens uuid[]) returns uuid language plpgsql as $$
begin
    delete from sessions where user_id = owner and token_hash is distinct from kept_session;
    delete from api_tokens where user_id = owner and id <> all (kept_tokens);
    delete from outgoing_mails where user_id = owner and kind = 'email_change';
    delete from mail_tokens where user_id = owner and purpose <> 'verification';
    return owner;
end $$;

comment on function end_access is
    'Ends the sessions and API tokens of a user whose password changes, but those named, and links that were mailed.';

-- migrate:down
create or replace function end_access(owner uuid, kept_session bytea, kept_tokens uuid[]) returns uuid language plpgsql as $$
begin
    delete from sessions where user_id = owner and token_hash is distinct from kept_session;
    delete from api_tokens where user_id = owner and id <> all (kept_tokens);
    return owner;
end $$;

comment on function end_access is
    'Ends the sessions and API tokens of a user whose password changes, but those named; null: no session is kept.';

drop table mail_tokens;
drop table outgoing_mails;
