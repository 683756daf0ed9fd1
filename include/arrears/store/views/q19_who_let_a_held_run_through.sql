-- Who released or overrode a held run?
SELECT r.run_id, r.business_date, r.status, r.released, g.name AS gate, g.passed, g.detail, g.overridden_by,
       a.kind AS asked, a.state AS answer, v.role, v.staff_id, v.decision, v.at, v.identity, v.note
FROM run r
LEFT JOIN gate g ON g.run_id = r.run_id AND NOT g.passed
LEFT JOIN approval a ON (a.kind = 'gate_override' AND a.subject_key = r.snapshot_id)
     OR (a.kind = 'release' AND a.subject_key = r.run_id)
LEFT JOIN approval_vote v ON v.approval_id = a.approval_id
WHERE r.status = 'held' OR r.plan_only OR g.name IS NOT NULL OR a.approval_id IS NOT NULL
