-- Which runs were repeated or made for a past day, and did they plan anything new?
SELECT r.run_id, r.business_date, r.kind, r.ordinal, r.status, r.rehearsal, r.plan_only, r.started_at, r.finished_at,
       CASE WHEN r.ordinal > 1 THEN 'again' WHEN substr(r.started_at, 1, 10) > CAST(r.business_date AS VARCHAR(10))
            THEN 'for a past day' ELSE 'first' END AS how,
       (SELECT COUNT(*) FROM contact c WHERE c.run_id = r.run_id) AS contacts_planned,
       (SELECT COUNT(*) FROM contact c WHERE c.run_id = r.run_id AND c.state = 'sent') AS of_these_sent
FROM run r
