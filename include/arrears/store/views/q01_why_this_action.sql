-- Why did this account get this action on this day?
SELECT i.account_id, i.business_date, i.step, i.channel, i.audience, i.tone, i.rung, c.state, c.reason, i.contact_id,
       d.stage, d.entitled_rung, d.unlocked_rung, d.lane, d.overdue_instalments, d.overdue_minor, d.currency,
       d.days_past_due, d.oldest_unpaid_due, d.run_id, d.revision, planned.started_at AS known_at, f.body AS facts,
       v.body AS verdict
FROM item i
JOIN contact c ON c.contact_id = i.contact_id
JOIN run planned ON planned.run_id = c.run_id
LEFT JOIN decision d ON d.account_id = i.account_id AND d.business_date = i.business_date AND d.revision = (
     SELECT MAX(known.revision) FROM decision known JOIN run decided ON decided.run_id = known.run_id
     WHERE known.account_id = i.account_id AND known.business_date = i.business_date
       AND decided.ordinal <= planned.ordinal)
LEFT JOIN fact_set f ON f.facts_sha256 = d.facts_sha256
LEFT JOIN verdict v ON v.verdict_sha256 = d.verdict_sha256
