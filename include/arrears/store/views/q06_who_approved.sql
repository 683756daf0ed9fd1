-- Who approved it, in which role, how sure are we who it was, and on which facts?
SELECT a.account_id, a.requested_on AS business_date, a.run_id, a.approval_id, a.kind, a.subject_key, o.order_no,
       a.state, a.requested_at, a.expires_on, a.facts_sha256, v.role, v.staff_id, v.decision, v.at, v.identity, v.note
FROM approval a
LEFT JOIN approval_vote v ON v.approval_id = a.approval_id
LEFT JOIN repossession_order o ON o.order_id = a.subject_key
