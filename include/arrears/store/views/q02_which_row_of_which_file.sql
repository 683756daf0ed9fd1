-- From which row of which file does the decision come?
SELECT d.account_id, d.business_date, d.revision, d.run_id, d.ledger_row_sha256, s.snapshot_id, s.feeds_sha256,
       f.feed, f.file_name, f.sha256 AS file_sha256, f.delivery_no, f.received_at,
       CASE WHEN f.delivery_id = a.delivery_id THEN a.row_no END AS row_no,
       CASE WHEN f.delivery_id = a.delivery_id THEN a.row_sha256 END AS row_sha256
FROM decision d
JOIN run r ON r.run_id = d.run_id
LEFT JOIN snapshot s ON s.snapshot_id = r.snapshot_id
LEFT JOIN delivery f ON f.business_date = s.business_date AND f.received_at <= s.created_at
     AND f.feed IN ('accounts', 'instalments', 'payments')
LEFT JOIN account a ON a.account_id = d.account_id
