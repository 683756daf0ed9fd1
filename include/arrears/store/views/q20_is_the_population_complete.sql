-- Is the population complete: do finance's counts and balances tie to the frozen ledger, month by month?
SELECT substr(CAST(o.business_date AS VARCHAR(10)), 1, 7) AS month, o.business_date, o.run_id, o.kind, o.currency,
       c.value AS finance, o.value AS ours, o.value - c.value AS difference, c.confirmed_by,
       CASE WHEN c.value IS NULL THEN 'no figure from finance' WHEN c.value = o.value THEN 'tied'
            ELSE 'FINDING: does not tie' END AS verdict
FROM (SELECT s.business_date, s.run_id, 'accounts' AS kind, CAST(NULL AS VARCHAR) AS currency,
             CAST(t.value AS BIGINT) AS value
      FROM snapshot s, EACH_OF(s.facts, rows) t WHERE s.accepted_at IS NOT NULL AND t.key = 'accounts'
      UNION ALL
      SELECT s.business_date, s.run_id, 'rows', CAST(NULL AS VARCHAR), CAST(SUM(CAST(t.value AS BIGINT)) AS BIGINT)
      FROM snapshot s, EACH_OF(s.facts, rows) t WHERE s.accepted_at IS NOT NULL GROUP BY s.business_date, s.run_id
      UNION ALL
      SELECT s.business_date, s.run_id, 'unpaid_due', t.key, CAST(t.value AS BIGINT)
      FROM snapshot s, EACH_OF(s.facts, unpaid_due) t WHERE s.accepted_at IS NOT NULL
      UNION ALL
      SELECT s.business_date, s.run_id, 'book_balance', t.key, CAST(t.value AS BIGINT)
      FROM snapshot s, EACH_OF(s.facts, book_balance) t WHERE s.accepted_at IS NOT NULL
      UNION ALL
      SELECT s.business_date, s.run_id, 'unpaid_due', CAST(NULL AS VARCHAR), CAST(SUM(CAST(t.value AS BIGINT)) AS BIGINT)
      FROM snapshot s, EACH_OF(s.facts, unpaid_due) t
      WHERE s.accepted_at IS NOT NULL AND EXISTS (
          SELECT 1 FROM control c WHERE c.business_date = s.business_date AND c.kind = 'unpaid_due' AND c.currency IS NULL)
      GROUP BY s.business_date, s.run_id) AS o
LEFT JOIN control c ON c.business_date = o.business_date AND c.kind = o.kind
     AND COALESCE(c.currency, '') = COALESCE(o.currency, '')
