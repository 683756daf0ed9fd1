-- Was anybody contacted more often than the policy allows?
SELECT c.party_id, c.channel, c.business_date, c.run_id, COUNT(*) AS contacts_in_7_days,
       MAX(CAP_OF_7_DAYS(p.body, c.channel)) AS allowed_in_7_days,
       CASE WHEN COUNT(*) > MAX(CAP_OF_7_DAYS(p.body, c.channel)) THEN 'FINDING: too often' ELSE 'within the cap' END AS verdict
FROM contact c
JOIN run r ON r.run_id = c.run_id
JOIN policy_text p ON p.policy_sha256 = r.policy_sha256
JOIN contact other ON other.party_id = c.party_id AND other.channel = c.channel AND other.state IN ('sent', 'in_doubt')
     AND DAYS_BETWEEN(c.business_date, other.business_date) BETWEEN 0 AND 6
WHERE c.state IN ('sent', 'in_doubt')
GROUP BY c.party_id, c.channel, c.business_date, c.run_id
