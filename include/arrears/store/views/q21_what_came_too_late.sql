-- Which actions did a later fact make wrong, and what is the remedy?
SELECT i.account_id, i.business_date, c.run_id, i.contact_id, i.channel, c.sent_at, 'hold ' || h.kind AS fact,
       h.from_on AS fact_date, f.received_at AS known_at,
       'apologise; it counts against the caps, never as evidence' AS remedy
FROM contact c
JOIN item i ON i.contact_id = c.contact_id
JOIN hold h ON h.account_id = i.account_id AND h.from_on <= c.business_date
     AND (h.until_on IS NULL OR h.until_on >= c.business_date)
JOIN delivery f ON f.delivery_id = h.delivery_id AND f.received_at > c.sent_at
WHERE c.state IN ('sent', 'in_doubt')
UNION ALL
SELECT i.account_id, i.business_date, c.run_id, i.contact_id, i.channel, c.sent_at, 'payment',
       p.paid_on, f.received_at, 'thank for the payment; take the customer off the day''s lists'
FROM contact c
JOIN item i ON i.contact_id = c.contact_id
JOIN payment p ON p.account_id = i.account_id AND p.paid_on <= c.business_date
JOIN delivery f ON f.delivery_id = p.delivery_id AND f.received_at > c.sent_at
WHERE c.state IN ('sent', 'in_doubt')
UNION ALL
SELECT o.account_id, o.proposed_on, CAST(NULL AS VARCHAR), o.order_id, 'order', o.offered_at, 'hold ' || h.kind,
       h.from_on, f.received_at, 'recall the order'
FROM repossession_order o
JOIN hold h ON h.account_id = o.account_id AND h.from_on <= CAST(substr(o.offered_at, 1, 10) AS DAY)
     AND (h.until_on IS NULL OR h.until_on >= CAST(substr(o.offered_at, 1, 10) AS DAY))
JOIN delivery f ON f.delivery_id = h.delivery_id AND f.received_at > o.offered_at
