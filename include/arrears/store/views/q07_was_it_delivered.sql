-- Was it delivered, when, and what did the provider say?
SELECT i.account_id, i.business_date, i.contact_id, i.channel, c.state, c.sent_at, t.n AS attempt, t.intent_at,
       t.finished_at, t.outcome, t.provider_code, t.provider_id, t.message_id, t.claimed_by,
       e.kind AS receipt, e.happened_at AS receipt_at, e.counts AS receipt_counts
FROM item i
JOIN contact c ON c.contact_id = i.contact_id
LEFT JOIN contact_attempt t ON t.contact_id = c.contact_id
LEFT JOIN evidence e ON e.source = 'contact' AND e.source_key = c.contact_id AND e.account_id = i.account_id
