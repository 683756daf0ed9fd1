-- From which row of which file does the decision come?
SELECT d.account_id, d.business_date, d.revision, d.run_id, d.ledger_row_sha256, s.snapshot_id, s.feeds_sha256,
       t.key AS feed, f.file_name, t.value AS file_sha256, f.delivery_no, f.received_at AS known_at,
       CASE WHEN t.key = 'accounts' THEN (
           SELECT MAX(l.ledger_row) FROM subject n JOIN audit_log l ON l.subject_ref = n.subject_ref
           WHERE n.account_id = d.account_id AND l.business_date = d.business_date AND l.type = 'account.staged'
             AND l.ledger_row_sha256 = d.ledger_row_sha256) END AS row_no
FROM decision d
JOIN run r ON r.run_id = d.run_id
JOIN snapshot s ON s.snapshot_id = r.snapshot_id
CROSS JOIN EACH_OF(s.facts, files) t
LEFT JOIN delivery f ON f.feed = t.key AND f.sha256 = t.value AND f.business_date = s.business_date
