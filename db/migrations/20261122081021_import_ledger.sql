-- migrate:up

create function import_ledgers(from_source text) returns void language plpgsql as $$
begin
    create temporary table if not exists import_ledgers (
        owner text primary key, user_id uuid not null, is_open boolean not null, available bigint not null,
        balance bigint not null, last_seq integer not null) on commit delete rows;
    delete from import_ledgers;
    -- One ledger for each account here, whose owner may be several users of the source. It is open unless the account was
    -- changed here since, or was not brought by an import.
    insert into import_ledgers (owner, user_id, is_open, available, balance, last_seq)
    select distinct on (o.user_id)
        a.owner, o.user_id,
        (t.user_id is null and i.source_key is null) or (i.is_made and hashtextextended(t::text, 0) = i.mark) is true,
        a.available, coalesce(t.available, 0), coalesce(t.last_seq, 0)
    from staged_credit_accounts a
    join import_owners o on o.owner = a.owner
    left join import_items i on i.source = from_source and i.entity = 'credit_accounts' and i.source_key = a.source_key
    left join credit_accounts t on t.user_id = o.user_id
    where o.user_id is not null
    order by o.user_id, a.place;
    analyze import_ledgers;
end $$;

comment on function import_ledgers is 'Makes the temporary table of the accounts that staged transactions belong to.';

create function import_take_out_folded(from_source text) returns bigint language plpgsql as $$
declare
    folded bigint;
begin
    -- `holdfast maintain` has folded these into a checkpoint, which has the number of the last of them.
    with folded_transaction as (
        delete from staged_credit_transactions s
        using import_items i
        where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key
          and not exists (
              select from credit_transactions t
              where t.user_id = i.user_id and t.seq = i.target_part::integer
                and (t.type <> 'checkpoint' or s.type = 'checkpoint'))
        returning s.owner),
    told as (
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'merged', 'credit_transactions', owner, owner, 'folded', json_build_object('transactions', count(*))
        from folded_transaction
        group by owner
        order by owner)
    select count(*) into folded from folded_transaction;
    return folded;
end $$;

comment on function import_take_out_folded is
    'Takes out staged transactions that are folded into a checkpoint here. Returns how many.';

create function import_known_transactions(from_source text) returns bigint language plpgsql as $$
declare
    folded bigint;
begin
    folded := import_take_out_folded(from_source);
    -- Those that are here are as they were written: their numbers and sums stand.
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'kept', 'credit_transactions', coalesce(s.at, s.source_key), s.owner, 'amount_changed', to_json(s)
    from staged_credit_transactions s
    join import_items i on i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key
    join credit_transactions t on t.user_id = i.user_id and t.seq = i.target_part::integer
    where (s.type, s.amount) is distinct from (t.type, t.amount);
    update staged_credit_transactions s
    set seq = t.seq, balance_after = t.balance_after, type = t.type, amount = t.amount
    from import_items i
    join credit_transactions t on t.user_id = i.user_id and t.seq = i.target_part::integer
    where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key;
    return folded;
end $$;

comment on function import_known_transactions is
    'Gives the staged transactions that are here their numbers and sums; those without a number after that are new. Those '
    'that were folded are taken out: returns how many.';

create function import_refuse_late() returns bigint language plpgsql as $$
declare
    refused bigint;
begin
    with late_transaction as (
        delete from staged_credit_transactions s
        where s.seq is null and not exists (select from import_ledgers l where l.owner = s.owner and l.is_open)
        returning s.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'credit_transactions', coalesce(s.at, s.source_key), s.owner,
        case when l.owner is null then 'credit_transactions_account_exists' else 'account_changed_here' end, to_json(s)
    from late_transaction s
    left join import_ledgers l on l.owner = s.owner
    order by s.place;
    get diagnostics refused = row_count;
    return refused;
end $$;

comment on function import_refuse_late is
    'Takes out new transactions without an account, or of one that was changed here since. Returns how many.';

create function import_settle_ledger(from_source text, out accounts bigint, out transactions bigint, out folded bigint)
language plpgsql as $$
declare
    out_of_range bigint;
begin
    perform import_keep_created(from_source);
    -- Seq and balance are given below; until then they are none that a rule could refuse.
    update staged_credit_transactions set seq = 1, balance_after = 0;
    accounts := import_refuse('credit_accounts');
    transactions := import_refuse('credit_transactions');
    update staged_credit_transactions set seq = null, balance_after = null;
    -- Equal transactions are told apart by their place.
    with numbered_transaction as (
        select place, row_number() over (partition by source_key order by place) as turn from staged_credit_transactions)
    update staged_credit_transactions s
    set source_key = s.source_key || '/' || n.turn
    from numbered_transaction n
    where n.place = s.place and n.turn > 1;
    analyze staged_credit_transactions;
    perform import_ledgers(from_source);
    folded := import_known_transactions(from_source);
    transactions := transactions + import_refuse_late();

    -- Sums that no integer holds.
    with vast_ledger as (
        select s.owner from staged_credit_transactions s
        where s.seq is null
        group by s.owner
        having sum(abs(s.amount::bigint)) > 1000000000),
    vast_transaction as (
        delete from staged_credit_transactions s using vast_ledger v where s.owner = v.owner and s.seq is null returning s.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'credit_transactions', coalesce(s.at, s.source_key), s.owner,
        'credit_transactions_balance_after_range', to_json(s)
    from vast_transaction s
    order by s.place;
    get diagnostics out_of_range = row_count;
    transactions := transactions + out_of_range;

    -- The old app kept 90 days, and did not write everything down: an entry before the new ones brings forward what they need
    -- so that none goes below zero and the last one comes to what is available; one after them takes what is too much.
    create temporary table if not exists import_balances (
        owner text primary key, opening bigint not null, closing bigint not null, entries integer not null,
        first_at timestamptz, last_at timestamptz) on commit delete rows;
    delete from import_balances;
    insert into import_balances (owner, opening, closing, entries, first_at, last_at)
    with summed_transaction as (
        select s.owner, s.amount, s.created_at,
            sum(s.amount) over (partition by s.owner order by s.created_at, s.place) as running
        from staged_credit_transactions s
        where s.seq is null),
    summed_ledger as (
        select owner, sum(amount) as total, least(min(running), 0) as lowest, count(*) as entries,
            min(created_at) as first_at, max(created_at) as last_at
        from summed_transaction
        group by owner),
    opened_ledger as (
        select l.owner, l.available, l.balance, coalesce(s.total, 0) as total, coalesce(s.entries, 0) as entries, s.first_at,
            s.last_at,
            greatest(0, l.available - l.balance - coalesce(s.total, 0), - l.balance - coalesce(s.lowest, 0)) as opening
        from import_ledgers l
        left join summed_ledger s using (owner)
        where l.is_open)
    select owner, opening, available - balance - total - opening, entries, first_at, last_at from opened_ledger;

    with numbered_transaction as (
        select s.place, l.last_seq + (b.opening > 0)::integer + row_number() over ledger as seq,
            l.balance + b.opening + sum(s.amount) over ledger as balance_after
        from staged_credit_transactions s
        join import_ledgers l on l.owner = s.owner
        join import_balances b on b.owner = s.owner
        where s.seq is null
        window ledger as (partition by s.owner order by s.created_at, s.place))
    update staged_credit_transactions s
    set seq = n.seq, balance_after = n.balance_after
    from numbered_transaction n
    where n.place = s.place;

    -- Where what the app wrote down goes below zero by itself.
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'changed', 'credit_transactions', coalesce(s.at, s.source_key), s.owner, 'balance_below_zero', to_json(s)
    from staged_credit_transactions s
    join import_ledgers l on l.owner = s.owner and s.seq > l.last_seq
    join import_balances b on b.owner = s.owner
    where s.balance_after - b.opening < 0 and s.balance_after - b.opening - s.amount >= 0
    order by s.place;

    with balancing_entry as (
        select b.owner, l.user_id, l.last_seq + 1 as seq, 'allocate' as type, b.opening as amount,
            l.balance + b.opening as balance_after, 'Brought forward' as description, b.first_at as at
        from import_balances b
        join import_ledgers l using (owner)
        where b.opening > 0
        union all
        select b.owner, l.user_id, l.last_seq + (b.opening > 0)::integer + b.entries + 1, 'deduct', b.closing, l.available,
            'Balanced', b.last_at
        from import_balances b
        join import_ledgers l using (owner)
        where b.closing < 0),
    told as (
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'changed', 'credit_transactions', owner || '/balance/' || seq, owner, 'ledger_balanced', to_json(e)
        from balancing_entry e
        order by owner, seq)
    insert into staged_credit_transactions (source_key, owner, type, amount, seq, balance_after, description, created_at)
    select e.owner || '/balance/' || e.seq, e.owner, e.type, e.amount, e.seq, e.balance_after, e.description,
        coalesce(e.at, a.last_reset_at)
    from balancing_entry e
    join staged_credit_accounts a on a.owner = e.owner;

    update staged_credit_accounts a
    set last_seq = l.last_seq + (b.opening > 0)::integer + (b.closing < 0)::integer + b.entries,
        created_at = coalesce(t.created_at, least(a.created_at, b.first_at))
    from import_ledgers l
    join import_balances b using (owner)
    left join credit_accounts t on t.user_id = l.user_id
    where a.owner = l.owner;
end $$;

comment on function import_settle_ledger is
    'Numbers staged transactions, each with the balance after it, and adds what they lack to come to what is available. '
    'Returns how many accounts and transactions were taken out, and how many transactions are folded already.';

create function import_unfold(run uuid, is_forced boolean) returns void language plpgsql as $$
begin
    create temporary table if not exists import_unfolded (
        user_id uuid primary key, last_seq integer not null, available integer not null) on commit delete rows;
    delete from import_unfolded;
    -- Nobody spends, and nothing is folded, until the ledger is as it was.
    perform from credit_accounts a
    join import_items i using (user_id)
    left join import_changes h using (user_id, entity, source_key, source)
    where i.entity = 'credit_accounts' and i.is_made and run in (i.import_id, h.import_id)
    for update of a;
    insert into import_unfolded (user_id, last_seq, available)
    select distinct on (a.user_id)
        a.user_id, coalesce((h.before ->> 'last_seq')::integer, 0), coalesce((h.before ->> 'available')::integer, 0)
    from credit_accounts a
    join import_items i using (user_id)
    left join import_changes h
        on (h.user_id, h.entity, h.source_key, h.source) = (i.user_id, i.entity, i.source_key, i.source) and h.import_id = run
    where i.entity = 'credit_accounts' and i.is_made and run in (i.import_id, h.import_id)
      and (is_forced or hashtextextended(a::text, 0) = coalesce(h.mark, i.mark))
    order by a.user_id, h.mark;
    perform from credit_transactions t join import_unfolded u using (user_id) where t.seq > u.last_seq for update of t;
    delete from credit_transactions t
    using import_unfolded u
    where t.user_id = u.user_id and t.seq > u.last_seq
      and case when t.type = 'checkpoint' then u.last_seq = 0 else is_forced end;
    -- It has swallowed what was here before the run, too: that much of it stays.
    update credit_transactions t
    set seq = u.last_seq, amount = u.available, balance_after = u.available
    from import_unfolded u
    where t.user_id = u.user_id and t.seq > u.last_seq and t.type = 'checkpoint';
end $$;

comment on function import_unfold is
    'Takes what a run brought out of the checkpoints of accounts that its rollback removes or puts back: maintenance has '
    'folded it. By force, also what was spent since.';

-- migrate:down
drop function import_unfold(uuid, boolean);
drop function import_settle_ledger(text);
drop function import_refuse_late();
drop function import_known_transactions(text);
drop function import_take_out_folded(text);
drop function import_ledgers(text);
