-- Which actions did a later fact make wrong, and what is the remedy?
SELECT i.account_id, i.business_date, c.run_id, c.contact_id AS action_id, c.channel, c.sent_at AS done_at,
       'hold ' || h.kind AS fact, h.from_on AS fact_date, f.received_at AS known_at,
       'apologise; it counts against the caps, never as evidence' AS remedy
FROM hold h JOIN delivery f ON f.delivery_id = h.delivery_id
JOIN item i ON i.account_id = h.account_id AND i.business_date >= h.from_on
     AND (h.until_on IS NULL OR h.until_on >= i.business_date)
JOIN contact c ON c.contact_id = i.contact_id AND c.state IN ('sent', 'in_doubt') AND c.sent_at < f.received_at
UNION ALL
SELECT i.account_id, i.business_date, c.run_id, c.contact_id AS action_id, c.channel, c.sent_at AS done_at,
       'promise' AS fact, p.made_on AS fact_date, f.received_at AS known_at,
       'confirm the promise; no further call until its day' AS remedy
FROM promise p JOIN delivery f ON f.delivery_id = p.delivery_id
JOIN item i ON i.account_id = p.account_id AND i.business_date BETWEEN p.made_on AND p.due_on
JOIN contact c ON c.contact_id = i.contact_id AND c.state IN ('sent', 'in_doubt') AND c.sent_at < f.received_at
UNION ALL
SELECT i.account_id, i.business_date, c.run_id, c.contact_id AS action_id, c.channel, c.sent_at AS done_at,
       'payment' AS fact, p.paid_on AS fact_date, f.received_at AS known_at,
       'thank for the payment; take the customer off the lists of the day' AS remedy
FROM payment p JOIN delivery f ON f.delivery_id = p.delivery_id
JOIN item i ON i.account_id = p.account_id AND i.business_date >= p.paid_on
JOIN contact c ON c.contact_id = i.contact_id AND c.state IN ('sent', 'in_doubt') AND c.sent_at < f.received_at
UNION ALL
SELECT i.account_id, i.business_date, c.run_id, c.contact_id AS action_id, c.channel, c.sent_at AS done_at,
       'payment' AS fact, p.paid_on AS fact_date, p.known_at AS known_at,
       'thank for the payment; ask the bank why it came late' AS remedy
FROM late_payment p
JOIN item i ON i.account_id = p.account_id AND i.business_date >= p.paid_on
JOIN contact c ON c.contact_id = i.contact_id AND c.state IN ('sent', 'in_doubt') AND c.sent_at < p.known_at
UNION ALL
SELECT i.account_id, i.business_date, c.run_id, c.contact_id AS action_id, c.channel, c.sent_at AS done_at,
       'ledger corrected to stage ' || CAST(d.stage AS VARCHAR) AS fact, d.business_date AS fact_date, r.started_at AS known_at,
       'apologise; say the right amount' AS remedy
FROM decision d JOIN run r ON r.run_id = d.run_id
JOIN item i ON i.account_id = d.account_id AND i.business_date = d.business_date AND d.revision > 1
     AND i.stage > d.stage
JOIN contact c ON c.contact_id = i.contact_id AND c.state IN ('sent', 'in_doubt') AND c.sent_at < r.started_at
UNION ALL
SELECT o.account_id, o.proposed_on, o.run_id, o.order_id, 'order', o.offered_at, 'hold ' || h.kind, h.from_on, f.received_at,
       CASE WHEN o.recall_reason IS NULL THEN 'recall the order' ELSE 'recalled: see its acknowledgement' END
FROM hold h JOIN delivery f ON f.delivery_id = h.delivery_id
JOIN repossession_order o ON o.account_id = h.account_id AND CAST(substr(o.offered_at, 1, 10) AS DAY) >= h.from_on
     AND (h.until_on IS NULL OR h.until_on >= CAST(substr(o.offered_at, 1, 10) AS DAY))
     AND o.offered_at < f.received_at
UNION ALL
SELECT o.account_id, o.proposed_on, o.run_id, o.order_id, 'order', o.offered_at, 'payment', p.paid_on, f.received_at,
       CASE WHEN o.recall_reason IS NULL THEN 'recall the order' ELSE 'recalled: see its acknowledgement' END
FROM payment p JOIN delivery f ON f.delivery_id = p.delivery_id
JOIN repossession_order o ON o.account_id = p.account_id AND CAST(substr(o.offered_at, 1, 10) AS DAY) >= p.paid_on
     AND o.offered_at < f.received_at
UNION ALL
SELECT o.account_id, o.proposed_on, o.run_id, o.order_id, 'order', o.offered_at, 'payment', p.paid_on, p.known_at,
       CASE WHEN o.recall_reason IS NULL THEN 'recall the order' ELSE 'recalled: see its acknowledgement' END
FROM late_payment p
JOIN repossession_order o ON o.account_id = p.account_id AND CAST(substr(o.offered_at, 1, 10) AS DAY) >= p.paid_on
     AND o.offered_at < p.known_at
