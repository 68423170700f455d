-- name: record(actor_id, acting_for, action, target, request_id)!
insert into audit_events (actor_id, acting_for, action, target, detail)
values (:actor_id, :acting_for, :action, :target, jsonb_build_object('request_id', :request_id::text));
