-- Under which policy text was it decided?
SELECT d.account_id, d.business_date, d.revision, d.run_id, d.policy_sha256, p.policy_id, p.version, p.effective_from,
       p.body AS policy
FROM decision d
LEFT JOIN policy_text p ON p.policy_sha256 = d.policy_sha256
