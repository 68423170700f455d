-- migrate:up

-- Short-lived rows, a handful: they are soon read.
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid
alter table outgoing_mails
    drop constraint outgoing_mails_kind_known,
    add constraint outgoing_mails_kind_known check (kind in (
        'verification', 'password_reset', 'email_change', 'email_change_asked', 'email_changed', 'identity_linked', 'new_device'));

-- migrate:down
delete from outgoing_mails where kind = 'identity_linked';
alter table outgoing_mails
    drop constraint outgoing_mails_kind_known,
    add constraint outgoing_mails_kind_known check (kind in (
        'verification', 'password_reset', 'email_change', 'email_change_asked', 'email_changed', 'new_device'));
