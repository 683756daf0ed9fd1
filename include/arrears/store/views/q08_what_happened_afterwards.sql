-- What happened afterwards, and when did we come to know of it?
SELECT d.account_id, d.business_date, 'decision' AS what, d.lane AS detail, d.rung AS value, r.started_at AS known_at
FROM decision d JOIN run r ON r.run_id = d.run_id
UNION ALL
SELECT p.account_id, p.paid_on, 'payment', p.kind, p.amount_minor, f.received_at
FROM payment p LEFT JOIN delivery f ON f.delivery_id = p.delivery_id
UNION ALL
SELECT o.account_id, CAST(substr(o.at, 1, 10) AS DAY), 'outcome ' || o.channel, o.outcome, o.promised_amount_minor,
       f.received_at
FROM outcome o LEFT JOIN delivery f ON f.delivery_id = o.delivery_id
UNION ALL
SELECT p.account_id, p.due_on, 'promise due', p.state, p.amount_minor, f.received_at
FROM promise p LEFT JOIN delivery f ON f.delivery_id = p.delivery_id
UNION ALL
SELECT h.account_id, h.from_on, 'hold', h.kind, CAST(NULL AS BIGINT), f.received_at
FROM hold h LEFT JOIN delivery f ON f.delivery_id = h.delivery_id
UNION ALL
SELECT k.account_id, k.built_on, 'packet', k.state, k.version, r.started_at
FROM packet k LEFT JOIN run r ON r.run_id = k.run_id
UNION ALL
SELECT o.account_id, o.proposed_on, 'order ' || o.kind, o.state, CAST(NULL AS BIGINT), o.offered_at
FROM repossession_order o
UNION ALL
SELECT c.account_id, CAST(substr(c.at, 1, 10) AS DAY), 'case ' || c.kind, c.state, CAST(NULL AS BIGINT), f.received_at
FROM court_case c LEFT JOIN delivery f ON f.delivery_id = c.delivery_id
