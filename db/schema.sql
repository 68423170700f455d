SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: new_id(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.new_id(at timestamp with time zone DEFAULT clock_timestamp()) RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    RETURN (encode(OVERLAY(OVERLAY(uuid_send(gen_random_uuid()) PLACING SUBSTRING(int8send((floor((EXTRACT(epoch FROM GREATEST(LEAST(at, '9999-12-31 00:00:00+00'::timestamp with time zone), '1970-01-01 00:00:00+00'::timestamp with time zone)) * (1000)::numeric)))::bigint) FROM 3) FROM 1 FOR 6) PLACING int2send(((28672 + CASE WHEN isfinite(at) THEN ((((EXTRACT(microseconds FROM at))::bigint % (1000)::bigint) * 4096) / 1000) ELSE (0)::bigint END))::smallint) FROM 7 FOR 2), 'hex'::text))::uuid;

--
-- Name: FUNCTION new_id(at timestamp with time zone); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.new_id(at timestamp with time zone) IS 'A time-ordered id (UUID version 7). Imports pass the original creation time, so that old rows sort as old.';

--
-- Name: notify_caller_changed(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.notify_caller_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('tokens_ended', '');
    return null;
end $$;

--
-- Name: FUNCTION notify_caller_changed(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.notify_caller_changed() IS 'Tells every worker to forget all callers: rare, and a cache is small.';

--
-- Name: notify_token_ended(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.notify_token_ended() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('tokens_ended', encode(old.token_hash, 'hex'));
    return null;
end $$;

--
-- Name: FUNCTION notify_token_ended(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.notify_token_ended() IS 'Tells every worker to forget the caller of a token, named by its hash.';

--
-- Name: rfc3339(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.rfc3339(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN replace(to_char((at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text), '.000000Z'::text, 'Z'::text);

--
-- Name: FUNCTION rfc3339(at timestamp with time zone); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.rfc3339(at timestamp with time zone) IS 'A time as the API writes it.';

--
-- Name: touch(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    -- Without arguments tg_argv is null, and "- null" would make every two rows equal.
    ignored text[] := coalesce(tg_argv, '{}');
begin
    if to_jsonb(old) - ignored is distinct from to_jsonb(new) - ignored then
        new.version := old.version + 1;
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

--
-- Name: FUNCTION touch(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.touch() IS 'Sets version and updated_at when a row really changes; an explicitly changed updated_at (an import) is kept.';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: api_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_tokens (
    token_hash bytea NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    last_characters text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    CONSTRAINT api_tokens_expires_later CHECK ((expires_at > created_at)),
    CONSTRAINT api_tokens_last_characters_length CHECK ((char_length(last_characters) = 8)),
    CONSTRAINT api_tokens_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT api_tokens_name_not_blank CHECK ((name ~ '[^[:space:]]'::text)),
    CONSTRAINT api_tokens_scopes_some CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 50))),
    CONSTRAINT api_tokens_token_hash_length CHECK ((octet_length(token_hash) = 32))
);

--
-- Name: TABLE api_tokens; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.api_tokens IS 'Tokens for programs: named, narrowed by scopes, ended by their owner or by time.';

--
-- Name: COLUMN api_tokens.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.token_hash IS 'SHA-256 of the token, which is shown once and never stored.';

--
-- Name: COLUMN api_tokens.scopes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.scopes IS 'What the token may do: read, write, or <resource>:read and <resource>:write.';

--
-- Name: COLUMN api_tokens.last_characters; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.last_characters IS 'The end of the token, so that its owner recognises it.';

--
-- Name: COLUMN api_tokens.last_used_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.last_used_at IS 'Written at most hourly.';

--
-- Name: COLUMN api_tokens.expires_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.expires_at IS 'Null: never.';

--
-- Name: identities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.identities (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    provider text NOT NULL,
    subject text NOT NULL,
    email text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identities_email_length CHECK (((char_length(email) >= 3) AND (char_length(email) <= 320))),
    CONSTRAINT identities_provider_known CHECK ((provider = ANY (ARRAY['google'::text, 'github'::text, 'firebase'::text, 'auth0'::text, 'legacy'::text]))),
    CONSTRAINT identities_subject_length CHECK (((char_length(subject) >= 1) AND (char_length(subject) <= 255)))
);

--
-- Name: TABLE identities; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.identities IS 'Who a user is elsewhere: one row per provider and subject.';

--
-- Name: COLUMN identities.subject; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.identities.subject IS 'The provider''s own stable id of the user; never the e-mail, which can change hands.';

--
-- Name: rate_limits; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.rate_limits (
    bucket text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    hits integer NOT NULL,
    CONSTRAINT rate_limits_bucket_length CHECK (((char_length(bucket) >= 1) AND (char_length(bucket) <= 200)))
);

--
-- Name: TABLE rate_limits; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.rate_limits IS 'Attempts per bucket and fixed window, shared by all workers.';

--
-- Name: COLUMN rate_limits.bucket; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.rate_limits.bucket IS 'What is limited and for whom: an address, or a hash of the account''s name.';

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);

--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    token_hash bytea NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    user_agent text,
    ip inet,
    CONSTRAINT sessions_expires_later CHECK ((expires_at > created_at)),
    CONSTRAINT sessions_token_hash_length CHECK ((octet_length(token_hash) = 32)),
    CONSTRAINT sessions_user_agent_length CHECK ((char_length(user_agent) <= 500))
);

--
-- Name: TABLE sessions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.sessions IS 'Who is signed in. One row per token; the row gone, the token is dead.';

--
-- Name: COLUMN sessions.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.token_hash IS 'SHA-256 of the token. The token itself is 256 random bits and never stored.';

--
-- Name: COLUMN sessions.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.id IS 'What the API shows: a token''s hash never leaves the database.';

--
-- Name: COLUMN sessions.last_seen_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.last_seen_at IS 'Written at most hourly, together with expires_at, which slides.';

--
-- Name: tasks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tasks (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    title text NOT NULL,
    description text,
    completed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT tasks_description_length CHECK ((char_length(description) <= 1000)),
    CONSTRAINT tasks_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 200))),
    CONSTRAINT tasks_title_not_blank CHECK ((title ~ '[^[:space:]]'::text))
);

--
-- Name: TABLE tasks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.tasks IS 'What a user wants to get done. The id carries the creation time, so it is the order of lists.';

--
-- Name: COLUMN tasks.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tasks.version IS 'Counts real changes; the API''s ETag.';

--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id uuid DEFAULT public.new_id() NOT NULL,
    email text,
    username text,
    password_hash text,
    name text,
    first_name text,
    last_name text,
    bio text,
    avatar_url text,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    role text DEFAULT 'user'::text NOT NULL,
    is_guest boolean DEFAULT false NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    is_verified boolean DEFAULT false NOT NULL,
    is_external boolean DEFAULT false NOT NULL,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT users_avatar_url_length CHECK ((char_length(avatar_url) <= 500)),
    CONSTRAINT users_bio_length CHECK ((char_length(bio) <= 2000)),
    CONSTRAINT users_email_form CHECK ((email ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text)),
    CONSTRAINT users_email_length CHECK (((char_length(email) >= 3) AND (char_length(email) <= 320))),
    CONSTRAINT users_first_name_length CHECK ((char_length(first_name) <= 100)),
    CONSTRAINT users_last_name_length CHECK ((char_length(last_name) <= 100)),
    CONSTRAINT users_name_length CHECK ((char_length(name) <= 100)),
    CONSTRAINT users_reachable CHECK ((is_guest OR is_external OR (email IS NOT NULL))),
    CONSTRAINT users_role_known CHECK ((role = ANY (ARRAY['user'::text, 'service'::text, 'admin'::text]))),
    CONSTRAINT users_timezone_length CHECK (((char_length(timezone) >= 1) AND (char_length(timezone) <= 100))),
    CONSTRAINT users_username_form CHECK ((username ~ '^[A-Za-z0-9_.-]{3,50}$'::text))
);

--
-- Name: TABLE users; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.users IS 'Accounts. Small and rarely written; everything owned hangs on it and goes with it.';

--
-- Name: COLUMN users.email; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.email IS 'Unique without regard to case; kept as it was typed. Null only for guests and for those who came by an identity.';

--
-- Name: COLUMN users.password_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.password_hash IS 'Argon2id. Null: no password was ever set, so no login by password.';

--
-- Name: COLUMN users.timezone; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.timezone IS 'IANA name: decides what "today" is for habits.';

--
-- Name: COLUMN users.is_external; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.is_external IS 'Came by an identity of another service rather than by registration.';

--
-- Name: COLUMN users.last_login_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.last_login_at IS 'Not part of version: logging in does not change the profile.';

--
-- Name: api_tokens api_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (token_hash);

--
-- Name: identities identities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (user_id, id);

--
-- Name: identities identities_subject_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_subject_unique UNIQUE (provider, subject);

--
-- Name: rate_limits rate_limits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rate_limits
    ADD CONSTRAINT rate_limits_pkey PRIMARY KEY (bucket, window_start);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_hash);

--
-- Name: tasks tasks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (user_id, id);

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

--
-- Name: api_tokens_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_tokens_user ON public.api_tokens USING btree (user_id, id);

--
-- Name: sessions_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_user ON public.sessions USING btree (user_id, id);

--
-- Name: tasks_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tasks_id ON public.tasks USING btree (id);

--
-- Name: users_email_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_email_unique ON public.users USING btree (lower(email));

--
-- Name: users_username_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_username_unique ON public.users USING btree (lower(username));

--
-- Name: api_tokens api_tokens_ended; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_tokens_ended AFTER DELETE ON public.api_tokens FOR EACH ROW WHEN (((old.expires_at IS NULL) OR (old.expires_at > now()))) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: api_tokens api_tokens_narrowed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_tokens_narrowed AFTER UPDATE OF scopes, expires_at ON public.api_tokens FOR EACH ROW WHEN (((old.scopes IS DISTINCT FROM new.scopes) OR (old.expires_at IS DISTINCT FROM new.expires_at))) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: sessions sessions_ended; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sessions_ended AFTER DELETE ON public.sessions FOR EACH ROW WHEN ((old.expires_at > now())) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: sessions sessions_shortened; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sessions_shortened AFTER UPDATE OF expires_at ON public.sessions FOR EACH ROW WHEN ((new.expires_at < old.expires_at)) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: tasks tasks_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tasks_touch BEFORE UPDATE ON public.tasks FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: users users_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_changed AFTER UPDATE OF role, is_active, is_guest, timezone ON public.users FOR EACH ROW WHEN (((((old.role IS DISTINCT FROM new.role) OR (old.is_active IS DISTINCT FROM new.is_active)) OR (old.is_guest IS DISTINCT FROM new.is_guest)) OR (old.timezone IS DISTINCT FROM new.timezone))) EXECUTE FUNCTION public.notify_caller_changed();

--
-- Name: users users_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_touch BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch('last_login_at', 'password_hash');

--
-- Name: api_tokens api_tokens_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: identities identities_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: sessions sessions_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: tasks tasks_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- PostgreSQL database dump complete
--

--
-- Dbmate schema migrations
--

INSERT INTO public.schema_migrations (version) VALUES
    ('20261121000100'),
    ('20261121000200'),
    ('20261121000300'),
    ('20261121000400'),
    ('20261121000500'),
    ('20261121000600');
