-- Which heads of the log were signed? (Whether it is intact since one of them: arrears verify --against.)
SELECT size, size - COALESCE(LAG(size) OVER (ORDER BY size), 0) AS events, root, created_at AS at, run_id, note
FROM audit_checkpoint
