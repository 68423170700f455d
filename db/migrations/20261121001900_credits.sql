-- migrate:up

create table credit_accounts (
    user_id uuid primary key constraint credit_accounts_user_exists references users on delete cascade,
    available integer not null constraint credit_accounts_available_range check (available >= 0),
    max_credits integer not null constraint credit_accounts_max_credits_range check (max_credits > 0),
    last_seq integer not null default 0 constraint credit_accounts_last_seq_range check (last_seq >= 0),
    last_reset_at timestamptz not null default now(),
    reset_hours integer constraint credit_accounts_reset_hours_range check (reset_hours > 0),
    created_at timestamptz not null default now()
);

create table credit_transactions (
    user_id uuid not null constraint credit_transactions_user_exists references users on delete cascade,
    seq integer not null constraint credit_transactions_seq_range check (seq > 0),
    type text not null constraint credit_transactions_type_known check (
        type in ('allocate', 'deduct', 'refund', 'grant', 'reset', 'checkpoint')),
    amount integer not null constraint credit_transactions_amount_not_zero check (amount <> 0 or type = 'checkpoint'),
    balance_after integer not null constraint credit_transactions_balance_after_range check (balance_after >= 0),
    description text constraint credit_transactions_description_length check (char_length(description) <= 500),
    idempotency_key text
        constraint credit_transactions_idempotency_key_length check (char_length(idempotency_key) between 1 and 200),
    refunds_seq integer,
    created_at timestamptz not null default now(),
    primary key (user_id, seq),
    constraint credit_transactions_idempotency_key_unique unique (user_id, idempotency_key),
    constraint credit_transactions_refunds_seq_unique unique (user_id, refunds_seq),
    constraint credit_transactions_amount_sign check (case
        when type = 'deduct' then amount < 0
        else amount >= 0 end),
    constraint credit_transactions_refunds_seq_type check ((type = 'refund') = (refunds_seq is not null))
);

-- maintain.fold_credits: what is old enough to be folded into a checkpoint.
create index credit_transactions_age on credit_transactions (created_at) where type <> 'checkpoint';

comment on table credit_accounts is 'What a user may still spend; made at first touch. Its row lock is what makes concurrent spending right.';
comment on column credit_accounts.available is 'Always the sum of the account''s transactions: holdfast verify-ledger proves it.';
comment on column credit_accounts.max_credits is 'What a reset fills up to; grants and refunds may go beyond.';
comment on column credit_accounts.last_seq is 'The number of the newest transaction: the row''s lock is the sequence, so that it has no gaps.';
comment on column credit_accounts.last_reset_at is 'The interval rolls: it begins anew when a due reset is applied, which happens when the account is touched.';
comment on column credit_accounts.reset_hours is 'Null: never filled up again, as with guests.';
comment on table credit_transactions is
    'The ledger: append-only but for maintain, which folds what is old into a checkpoint with the same sum.';
comment on column credit_transactions.amount is 'Negative for deductions alone.';
comment on column credit_transactions.refunds_seq is 'The deduction that a refund gives back, once at most. No foreign key: it may be folded first.';

-- migrate:down
drop table credit_transactions;
drop table credit_accounts;
