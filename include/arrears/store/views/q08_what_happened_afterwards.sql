-- What happened afterwards, and when did we come to know of it?
SELECT d.account_id, d.business_date, 'decision' AS what,
       'stage ' || CAST(d.stage AS VARCHAR) || ', rung ' || CAST(d.rung AS VARCHAR) || ', ' || d.lane AS detail,
       d.overdue_minor AS amount_minor, r.started_at AS known_at
FROM decision d JOIN run r ON r.run_id = d.run_id
UNION ALL
SELECT i.account_id, i.business_date, 'contact ' || c.channel, c.state, i.amount_minor, COALESCE(c.sent_at, r.started_at)
FROM item i JOIN contact c ON c.contact_id = i.contact_id JOIN run r ON r.run_id = c.run_id
UNION ALL
SELECT p.account_id, p.paid_on, 'payment', p.kind, p.amount_minor, f.received_at
FROM payment p LEFT JOIN delivery f ON f.delivery_id = p.delivery_id
UNION ALL
SELECT p.account_id, p.paid_on, 'payment', 'told late by a ledger', p.amount_minor, p.known_at
FROM late_payment p
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
SELECT e.account_id, e.cured_on, 'cured', 'in arrears since ' || CAST(e.first_unpaid_due AS VARCHAR(10)),
       CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR)
FROM episode e WHERE e.cured_on IS NOT NULL
UNION ALL
SELECT k.account_id, k.built_on, 'packet', k.state, CAST(NULL AS BIGINT), r.started_at
FROM packet k LEFT JOIN run r ON r.run_id = k.run_id
UNION ALL
SELECT o.account_id, o.proposed_on, 'order ' || o.kind, o.state, CAST(NULL AS BIGINT), o.offered_at
FROM repossession_order o
UNION ALL
SELECT c.account_id, CAST(substr(c.at, 1, 10) AS DAY), 'case ' || c.kind, c.state, CAST(NULL AS BIGINT), f.received_at
FROM court_case c LEFT JOIN delivery f ON f.delivery_id = c.delivery_id
