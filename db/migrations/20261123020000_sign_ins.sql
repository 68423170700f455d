-- migrate:up

create table pending_sign_ins (
    state_hash bytea primary key constraint pending_sign_ins_state_hash_length check (octet_length(state_hash) = 32),
    provider text not null constraint pending_sign_ins_provider_length check (char_length(provider) between 1 and 30),
    redirect text not null constraint pending_sign_ins_redirect_length check (char_length(redirect) between 1 and 2000),
    challenge bytea not null constraint pending_sign_ins_challenge_length check (octet_length(challenge) = 32),
    sealed bytea constraint pending_sign_ins_sealed_length check (octet_length(sealed) between 1 and 1000),
    user_id uuid constraint pending_sign_ins_user_exists references users on delete cascade,
    session_hash bytea constraint pending_sign_ins_session_hash_length check (octet_length(session_hash) = 32),
    code_hash bytea
        constraint pending_sign_ins_code_hash_unique unique
        constraint pending_sign_ins_code_hash_length check (octet_length(code_hash) = 32),
    identity jsonb constraint pending_sign_ins_identity_length check (octet_length(identity::text) <= 10000),
    expires_at timestamptz not null,
    constraint pending_sign_ins_user_with_session check ((user_id is null) = (session_hash is null)),
    -- Who it is comes with the code, when the secrets have served.
    constraint pending_sign_ins_code_with_identity check ((code_hash is null) = (identity is null)),
    constraint pending_sign_ins_code_after_state check (code_hash is null or sealed is null)
);

-- For the cascade.
create index pending_sign_ins_user on pending_sign_ins (user_id) where user_id is not null;

-- sign_in.delete_expired_sign_ins
create index pending_sign_ins_expires_at on pending_sign_ins (expires_at);

comment on table pending_sign_ins is
    'Sign-ins by a provider that are under way: from the start until the app has exchanged its code. Nothing has happened to an account.';
comment on column pending_sign_ins.state_hash is 'SHA-256 of the state, 256 random bits that the provider hands back.';
comment on column pending_sign_ins.challenge is 'SHA-256 of the verifier that the app made: who has the code alone gets nothing.';
comment on column pending_sign_ins.sealed is
    'The verifier and the nonce that the provider checks, sealed with SECRET_KEY. Null: the state was taken, which it is once.';
comment on column pending_sign_ins.user_id is 'Who links another way in to their account. Null: somebody signs in.';
comment on column pending_sign_ins.session_hash is 'The session that began to link: it must still be there in the end.';
comment on column pending_sign_ins.code_hash is 'SHA-256 of the code that the app was given. Null: the provider has not answered yet.';
comment on column pending_sign_ins.identity is 'Who it is, as the provider says.';
comment on column pending_sign_ins.expires_at is 'Ten minutes after the start; with a code, one minute after it was given.';

create table used_id_tokens (
    token_hash bytea primary key constraint used_id_tokens_token_hash_length check (octet_length(token_hash) = 32),
    expires_at timestamptz not null
);

-- sign_in.delete_expired_id_tokens
create index used_id_tokens_expires_at on used_id_tokens (expires_at);

comment on table used_id_tokens is 'ID tokens that somebody has signed in with: each is taken once.';
comment on column used_id_tokens.token_hash is
    'SHA-256 of what is signed of it. The signature is left out: of some kinds there are several for the same words.';
comment on column used_id_tokens.expires_at is 'Later than it would be taken for its age.';

-- migrate:down
drop table used_id_tokens;
drop table pending_sign_ins;
