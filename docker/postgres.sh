#!/usr/bin/env bash
# Runs once, when the database server is new: Airflow's database and the store, each with logins of its own.
#   airflow          owns Airflow's database and sees nothing of the store
#   arrears_migrate  acts as arrears_owner: makes and changes the tables, in airflow-init alone
#   arrears_day      what the day works under: writes, but can neither change nor delete the log
#   arrears_audit    reads, and no people; `arrears roles` says what each role may
set -euo pipefail
secrets="${ARREARS_SECRETS:-/run/secrets}"
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=airflow="$(cat "$secrets/airflow_password")" --set=migrate="$(cat "$secrets/store_owner_password")" \
  --set=day="$(cat "$secrets/store_password")" --set=audit="$(cat "$secrets/auditor_password")" <<'SQL'
SELECT format('CREATE ROLE %I', role) FROM unnest(ARRAY['arrears_owner', 'arrears_app', 'arrears_auditor']) role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE arrears_migrate LOGIN PASSWORD :'migrate' IN ROLE arrears_owner;
ALTER ROLE arrears_migrate SET role = 'arrears_owner';
CREATE ROLE arrears_day LOGIN PASSWORD :'day' IN ROLE arrears_app;
CREATE ROLE arrears_audit LOGIN PASSWORD :'audit' IN ROLE arrears_auditor;
ALTER ROLE arrears_audit SET default_transaction_read_only = on;
CREATE DATABASE airflow OWNER airflow ENCODING 'UTF8';
CREATE DATABASE arrears OWNER arrears_owner ENCODING 'UTF8';
REVOKE ALL ON DATABASE airflow, arrears FROM PUBLIC;
GRANT CONNECT ON DATABASE arrears TO arrears_app, arrears_auditor;
SQL
