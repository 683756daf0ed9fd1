-- By which code was it decided?
SELECT r.run_id, r.business_date, l.code_version, l.code_id, DATA(r.attempt, airflow) AS airflow_version,
       DATA(r.attempt, dag_version) AS dag_version, DATA(r.attempt, bundle) AS bundle,
       DATA(r.attempt, bundle_version) AS bundle_version, COUNT(*) AS events, MIN(l.seq) AS first_seq,
       MAX(l.seq) AS last_seq
FROM run r
CROSS JOIN audit_log l
WHERE l.run_id = r.run_id
GROUP BY r.run_id, r.business_date, l.code_version, l.code_id, r.attempt
