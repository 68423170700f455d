-- migrate:up

-- What only all the staged rows of an export can say (docs/decisions/0045): called before they are moved or compared.

create function import_keep_rows(run uuid, from_source text, entities text[]) returns bigint language plpgsql as $$
declare
    named text;
    has_user boolean;
    found bigint;
    kept bigint := 0;
begin
    foreach named in array entities loop
        has_user := exists (
            select from pg_attribute
            where attrelid = named::regclass and attname = 'user_id' and not attisdropped);
        execute format($statement$
            insert into import_items (
                source, entity, source_key, import_id, user_id, target_id, target_part, is_made, checksum, mark)
            select $2, %1$L, s.source_key, $1, %2$s, %3$s, %4$s, false, 0, 0
            from staged_%1$s s
            %5$s
            join %1$s t on %6$s
            on conflict do nothing
            $statement$,
            named,
            case when has_user then 'o.user_id' else quote_literal('00000000-0000-0000-0000-000000000000') || '::uuid' end,
            coalesce((select string_agg('t.' || name, '') from import_keys(named::regclass) where is_id), 'null::uuid'),
            coalesce(
                (select string_agg('t.' || name || '::text', '') from import_keys(named::regclass) where not is_id), 'null'),
            concat_ws(' ',
                case when has_user then 'join import_owners o on o.owner = s.owner join users u on u.id = o.user_id' end,
                (select string_agg(format(
                    'join import_items k_%1$s on k_%1$s.user_id = o.user_id and k_%1$s.entity = %2$L '
                    'and k_%1$s.source_key = s.%1$s and k_%1$s.source = $2', c.name, c.parent), ' ')
                    from import_columns(named::regclass) c
                    join import_keys(named::regclass) k using (name)
                    where c.parent is not null)),
            concat_ws(' and ',
                case when has_user then 't.user_id = o.user_id' end,
                (select string_agg(format(
                    case when c.parent is null then 't.%1$s = s.%1$s' else 't.%1$s = k_%1$s.target_id' end, c.name), ' and ')
                    from import_columns(named::regclass) c
                    join import_keys(named::regclass) k using (name)),
                -- The first transaction of one ledger is not that of another.
                case when named = 'credit_transactions' then
                    '(t.type, t.amount, t.balance_after, t.created_at) '
                    'is not distinct from (s.type, s.amount, s.balance_after, s.created_at)' end))
        using run, from_source;
        get diagnostics found = row_count;
        kept := kept + found;
    end loop;
    return kept;
end $$;

comment on function import_keep_rows is
    'Staged rows that are here, under the same key of the same user, are those: they are left as they are. Returns how many. '
    'A table comes after those that its key refers to.';

create function import_settle_export(
    from_source text, is_own boolean, out identities bigint, out messages bigint, out transactions bigint,
    out folded bigint)
language plpgsql as $$
begin
    identities := 0;
    if is_own then
        -- What somebody says of themselves lets nobody into an account that was here.
        with late_identity as (
            delete from staged_identities s
            using import_owners o
            where o.owner = s.owner and not o.is_own and not exists (
                select from import_items i
                where i.user_id = o.user_id and i.entity = 'identities' and i.source_key = s.source_key
                  and i.source = from_source)
            returning s.*)
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'rejected', 'identities', s.source_key, s.owner, 'account_is_here', to_json(s)
        from late_identity s
        order by s.place;
        get diagnostics identities = row_count;
        update staged_users s
        set role = u.role, password_hash = u.password_hash
        from import_owners o
        join users u on u.id = o.user_id
        where o.owner = s.source_key;
    end if;

    messages := import_refuse_late_messages(from_source);
    select * into transactions, folded from import_settle_exported_ledger(from_source);
end $$;

comment on function import_settle_export is
    'Takes out staged rows of an export that would not fit to what is here. is_own: one that a user took of their own account. '
    'Returns how many were taken out, and how many transactions are folded already.';

create function import_settle_exported_ledger(from_source text, out refused bigint, out folded bigint)
language plpgsql as $$
begin
    perform import_ledgers(from_source);
    -- A ledger goes on where it is as it was left.
    with late_transaction as (
        delete from staged_credit_transactions s
        where not exists (select from import_ledgers l where l.owner = s.owner and l.is_open) and not exists (
            select from import_items i
            where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key)
        returning s.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'credit_transactions', s.source_key, s.owner,
        case when l.owner is null then 'credit_transactions_account_exists' else 'account_changed_here' end, to_json(s)
    from late_transaction s
    left join import_ledgers l on l.owner = s.owner
    order by s.place;
    get diagnostics refused = row_count;

    folded := import_take_out_folded(from_source);

    -- Those that are here stand: where the export is from, they may have been folded since.
    update staged_credit_transactions s
    set type = t.type, amount = t.amount, balance_after = t.balance_after, description = t.description,
        idempotency_key = t.idempotency_key, refunds_seq = t.refunds_seq, created_at = t.created_at
    from import_items i
    join credit_transactions t on t.user_id = i.user_id and t.seq = i.target_part::integer
    where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key
      and (s.type, s.amount) is distinct from (t.type, t.amount);
end $$;

comment on function import_settle_exported_ledger is
    'Takes out staged transactions of ledgers that were changed here, or were here before, and those that '
    'are folded here. Returns how many of each.';

-- migrate:down
drop function import_settle_exported_ledger(text);
drop function import_settle_export(text, boolean);
drop function import_keep_rows(uuid, text, text[]);
