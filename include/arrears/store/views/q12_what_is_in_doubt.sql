-- What is in doubt, and for how long?
SELECT i.account_id, c.business_date, c.run_id, c.contact_id, c.channel, c.intent_at, c.provider_code, c.reason,
       DAYS_BETWEEN((SELECT MAX(r.business_date) FROM run r), c.business_date) AS days_in_doubt
FROM contact c
JOIN item i ON i.contact_id = c.contact_id
WHERE c.state = 'in_doubt'
