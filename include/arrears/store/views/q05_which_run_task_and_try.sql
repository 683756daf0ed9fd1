-- Which run, task and try did it, and did anybody clear, mark or trigger it?
SELECT r.run_id, r.business_date, l.dag_id, l.airflow_run_id, l.task_id, l.map_index, l.try_number, l.ti_id,
       MIN(l.at) AS at, COUNT(*) AS events, CAST(NULL AS VARCHAR) AS user_action, CAST(NULL AS VARCHAR) AS actor
FROM run r
CROSS JOIN audit_log l
WHERE l.run_id = r.run_id AND l.type <> 'airflow.user_action'
GROUP BY r.run_id, r.business_date, l.dag_id, l.airflow_run_id, l.task_id, l.map_index, l.try_number, l.ti_id
UNION ALL
SELECT r.run_id, r.business_date, DATA(l.data, dag_id), DATA(l.data, airflow_run_id), DATA(l.data, task_id),
       CAST(DATA(l.data, map_index) AS INTEGER), CAST(DATA(l.data, try_number) AS INTEGER), CAST(NULL AS VARCHAR),
       DATA(l.data, happened_at), 1, DATA(l.data, event), l.actor
FROM audit_log l
LEFT JOIN run r ON r.run_id = DATA(l.data, about_run)
WHERE l.type = 'airflow.user_action'
