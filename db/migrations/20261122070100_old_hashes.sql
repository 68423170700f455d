-- migrate:up

-- Importers write what the other app kept; see src/app/auth/old_hashes.py.
comment on column users.password_hash is
    'Argon2id; of an imported account before its first login its old app''s. Null: no password was ever set, no login by one.';

-- migrate:down
comment on column users.password_hash is
    'Argon2id. Null: no password was ever set, so no login by password.';
