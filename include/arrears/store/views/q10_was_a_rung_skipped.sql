-- Was any rung of the ladder skipped?
SELECT account_id, business_date, run_id, rung, rung_before, entitled_rung, unlocked_rung,
       CASE WHEN rung > unlocked_rung THEN 'FINDING: above what evidence had opened'
            WHEN rung_before IS NULL THEN 'first decision: see the imported evidence'
            ELSE 'more than one rung at once: see the evidence' END AS why
FROM (SELECT d.*, LAG(d.rung) OVER (PARTITION BY d.account_id ORDER BY d.business_date, d.revision) AS rung_before
      FROM decision d) AS steps
WHERE rung > unlocked_rung OR rung > COALESCE(rung_before, 1) + 1
