-- Who held which role on this day?
SELECT staff_id, roles, skills, branch, business_date, valid_until, known_at, seq
FROM (SELECT DATA(data, staff_id) AS staff_id, DATA(data, roles) AS roles, DATA(data, skills) AS skills,
             DATA(data, branch) AS branch, business_date, at AS known_at, seq,
             LEAD(business_date) OVER (PARTITION BY DATA(data, staff_id) ORDER BY business_date, seq) AS valid_until
      FROM audit_log WHERE type = 'role.snapshot') AS roles
