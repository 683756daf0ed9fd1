-- Which overdue accounts got no action on this day, and why?
SELECT d.account_id, d.business_date, d.run_id, d.stage, d.rung, d.lane,
       COALESCE(
           (SELECT MIN(s.reason) FROM suppression s
            WHERE s.account_id = d.account_id AND s.business_date = d.business_date),
           (SELECT 'quarantined row: ' || MIN(q.reason) FROM quarantine q JOIN delivery f ON f.delivery_id = q.delivery_id
            WHERE q.account_id = d.account_id AND f.business_date = d.business_date),
           CASE WHEN COUNT_OF(v.body, actions) = 0 THEN 'no step was due' END,
           (SELECT 'done on ' || CAST(MAX(i.business_date) AS VARCHAR(10)) || ' for the same occasion' FROM item i
            WHERE i.account_id = d.account_id AND i.business_date < d.business_date),
           'FINDING: nothing says why') AS why,
       v.body AS verdict
FROM decision d
JOIN verdict v ON v.verdict_sha256 = d.verdict_sha256
WHERE d.stage > 0
  AND NOT EXISTS (SELECT 1 FROM decision newer WHERE newer.account_id = d.account_id
                  AND newer.business_date = d.business_date AND newer.revision > d.revision)
  AND NOT EXISTS (SELECT 1 FROM item i WHERE i.account_id = d.account_id AND i.business_date = d.business_date)
