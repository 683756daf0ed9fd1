-- Does everything add up: rows, accounts, decisions, contacts, log?
SELECT business_date, run_id, what, said, counted, said - counted AS difference
FROM (SELECT f.business_date, f.run_id, 'rows of ' || f.feed || ': accepted and quarantined' AS what,
             CAST(f.rows AS BIGINT) AS said, CAST(f.accepted + f.quarantined AS BIGINT) AS counted
      FROM delivery f
      UNION ALL
      SELECT s.business_date, s.run_id, 'accounts of the frozen ledger: on stages 0 to 3', CAST(s.accounts AS BIGINT),
             CAST((SELECT SUM(CAST(t.value AS BIGINT)) FROM LIST_OF(s.facts, stages) t) AS BIGINT)
      FROM snapshot s
      UNION ALL
      SELECT s.business_date, s.run_id, 'overdue accounts of the frozen ledger: decided',
             CAST(ITEM_OF(s.facts, stages, 1) + ITEM_OF(s.facts, stages, 2) + ITEM_OF(s.facts, stages, 3) AS BIGINT),
             (SELECT COUNT(*) FROM decision d WHERE d.business_date = s.business_date AND d.stage > 0
              AND NOT EXISTS (SELECT 1 FROM decision newer WHERE newer.account_id = d.account_id
                              AND newer.business_date = d.business_date AND newer.revision > d.revision))
      FROM snapshot s
      WHERE s.accepted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM snapshot newer WHERE newer.business_date = s.business_date
                        AND newer.accepted_at IS NOT NULL AND newer.delivery_no > s.delivery_no)
      UNION ALL
      SELECT d.business_date, CAST(NULL AS VARCHAR), 'decisions: events of the log', COUNT(*),
             (SELECT COUNT(*) FROM audit_event_index l WHERE l.type = 'account.staged'
              AND l.business_date = d.business_date)
      FROM decision d GROUP BY d.business_date
      UNION ALL
      SELECT c.business_date, CAST(NULL AS VARCHAR), 'contacts: planned in the log', COUNT(*),
             (SELECT COUNT(DISTINCT l.action_id) FROM audit_event_index l WHERE l.type = 'action.planned'
              AND l.business_date = c.business_date)
      FROM contact c GROUP BY c.business_date
      UNION ALL
      SELECT c.business_date, CAST(NULL AS VARCHAR), 'contacts sent: told in the log', COUNT(*),
             SUM(CASE WHEN EXISTS (SELECT 1 FROM audit_event_index l WHERE l.key = c.contact_id
                                   AND l.type IN ('action.sent', 'action.resolved')) THEN 1 ELSE 0 END)
      FROM contact c WHERE c.state = 'sent' GROUP BY c.business_date) AS sums
