-- Who viewed or exported this account's data?
SELECT at, actor, type, account_id, subject_ref, business_date, run_id, data, seq
FROM audit_log
WHERE type IN ('access.asked', 'access.explained', 'access.exported', 'access.receipt', 'access.viewed')
