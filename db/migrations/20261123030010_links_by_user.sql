-- migrate:up

-- In a cluster the links lie with their files, on the user's worker, where a key is unique only together with user_id. The hash
-- comes first: a link is looked up by it alone.
-- A table of links is small, and nobody refers to its key.
-- squawk-ignore ban-drop-constraint, adding-serial-primary-key-field, constraint-missing-not-valid
alter table media_links drop constraint media_links_pkey, add primary key (token_hash, user_id);

-- migrate:down
-- Takes back what this migration changed.
-- squawk-ignore ban-drop-constraint, adding-serial-primary-key-field, constraint-missing-not-valid
alter table media_links drop constraint media_links_pkey, add primary key (token_hash);
