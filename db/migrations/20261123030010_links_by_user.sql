-- migrate:up

-- In a cluster the links lie with their files, on the user's worker, where a key is unique only together with user_id. The hash
-- comes first: a link is looked up by it alone.
-- squawk-ignore constraint-missing-not-valid, disallowed-unique-constraint
alter table media_links drop constraint media_links_pkey, add primary key (token_hash, user_id);

-- migrate:down
-- squawk-ignore constraint-missing-not-valid, disallowed-unique-constraint
alter table media_links drop constraint media_links_pkey, add primary key (token_hash);
