-- Who was given this account, who had it before, and from which file?
SELECT a.account_id, a.from_on AS business_date, a.staff_id,
       LAG(a.staff_id) OVER (PARTITION BY a.account_id ORDER BY a.from_on) AS staff_before,
       f.file_name, f.sha256 AS file_sha256, a.row_no, f.received_at AS known_at, f.run_id,
       (SELECT MAX(l.seq) FROM subject n JOIN audit_log l ON l.subject_ref = n.subject_ref
        WHERE n.account_id = a.account_id AND l.type = 'account.reassigned'
          AND DATA(l.data, from_on) = CAST(a.from_on AS VARCHAR(10))) AS seq
FROM assignment a
LEFT JOIN delivery f ON f.delivery_id = a.delivery_id
