-- What is stored and could be derived from other rows, where it differs; nothing is the only right answer.
select 'conversation ' || c.id || ': last_seq ' || c.last_seq || ', messages ' || count(m.seq) as wrong
from conversations c
left join messages m on m.user_id = c.user_id and m.conversation_id = c.id
group by c.user_id, c.id
having c.last_seq <> count(m.seq) or c.last_seq <> coalesce(max(m.seq), 0)
union all
select 'credit account ' || a.user_id || ': available ' || a.available || ', last_seq ' || a.last_seq
    || ', its lines are ' || sum(t.amount) || ' in ' || count(*)
from credit_accounts a
join credit_transactions t on t.user_id = a.user_id
group by a.user_id
having a.available <> sum(t.amount) or a.last_seq <> max(t.seq)
union all
select 'deduction ' || user_id || ' ' || refunds_seq || ' was refunded ' || count(*) || ' times'
from credit_transactions
where refunds_seq is not null
group by user_id, refunds_seq
having count(*) > 1
union all
select 'usage ' || user_id || ': ' || daily_used || ' of the day, ' || monthly_used || ' of the month, ' || total_queries
from usage
where monthly_used > total_queries or daily_used > monthly_used
union all
select 'user ' || u.id || ': ' || u.refunds || ' refunds were acknowledged, ' || count(e.id) || ' are in the audit trail'
from jsonb_to_recordset($1::jsonb) as u (id uuid, refunds integer)
left join audit_events e on e.acting_for = u.id and e.action = 'POST /v1/credits/refunds'
group by u.id, u.refunds
having count(e.id) < u.refunds;
