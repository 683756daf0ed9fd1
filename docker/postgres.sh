#!/usr/bin/env bash
# Runs once, when the database server is new: the store is a database and a role of its own, never Airflow's.
set -euo pipefail
psql --set=ON_ERROR_STOP=1 --set=password="$ARREARS_STORE_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE arrears LOGIN PASSWORD :'password';
CREATE DATABASE arrears OWNER arrears ENCODING 'UTF8';
REVOKE ALL ON DATABASE arrears FROM PUBLIC;
SQL
