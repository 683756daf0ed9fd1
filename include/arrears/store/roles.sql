-- Three roles for an Arrears store on PostgreSQL. Run it in the store's database, as its administrator, after
-- `arrears init` and again after every upgrade; it is safe to repeat:
--
--     arrears roles | psql "$ARREARS_ADMIN_URL"      (or `arrears roles --apply` under a login of arrears_owner)
--
-- arrears_owner    owns every table and changes the schema; nobody works under it day by day
-- arrears_app      what Airflow and the commands use: writes, but can neither change nor delete the log
-- arrears_auditor  reads everything but what identifies a person, and changes nothing
--
-- The roles have no password and no login: give people and services their own login, and one of these:
--
--     CREATE ROLE arrears_migrate LOGIN PASSWORD '…' IN ROLE arrears_owner;   -- `arrears init` alone
--     ALTER ROLE arrears_migrate SET role = 'arrears_owner';                  -- new tables are the owner's at once
--     CREATE ROLE arrears_day LOGIN PASSWORD '…' IN ROLE arrears_app;         -- Airflow, desk, commands
--     CREATE ROLE auditor_lin LOGIN PASSWORD '…' IN ROLE arrears_auditor;
--     ALTER ROLE auditor_lin SET default_transaction_read_only = on;

DO $$
DECLARE wanted text; thing record;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['arrears_owner', 'arrears_app', 'arrears_auditor'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO arrears_owner, arrears_app, arrears_auditor', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO arrears_owner, arrears_app', current_database());
    EXECUTE format('GRANT CREATE, USAGE ON SCHEMA %I TO arrears_owner', current_schema());
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO arrears_app, arrears_auditor', current_schema());
    FOR thing IN SELECT c.oid::regclass AS name, c.relkind AS kind FROM pg_class c
                 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v') LOOP
        EXECUTE format('ALTER %s %s OWNER TO arrears_owner', CASE thing.kind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, thing.name);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, arrears_app, arrears_auditor', thing.name);
        EXECUTE format('GRANT SELECT ON %s TO arrears_app, arrears_auditor', thing.name);
        IF thing.kind <> 'v' THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO arrears_app', thing.name);
        END IF;
    END LOOP;
    FOR thing IN SELECT p.oid::regprocedure AS name, p.proname LIKE 'arrears\_%\_month' AS is_asked FROM pg_proc p
                 WHERE p.pronamespace = current_schema()::regnamespace
                 AND (p.prorettype = 'trigger'::regtype OR p.proname LIKE 'arrears\_%\_month') LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO arrears_owner', thing.name);
        IF thing.is_asked THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO arrears_app', thing.name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO arrears_app', current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE arrears_owner IN SCHEMA %I GRANT SELECT ON TABLES TO arrears_app, arrears_auditor', current_schema());
END $$;

-- The log is added to, never changed; what waits to be sealed may be moved, an erasable detail may be erased.
REVOKE UPDATE, DELETE ON audit_event, audit_event_index, audit_node, audit_checkpoint, audit_key FROM arrears_app;
-- The tables of a month of its index are written through the whole alone.
DO $$
DECLARE part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_event_index'::regclass LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %s FROM arrears_app', part);
    END LOOP;
END $$;
REVOKE UPDATE ON audit_pending, event_detail FROM arrears_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM arrears_app;

-- People are nobody's question: the auditor sees that a person exists and was erased, not who or where it is, and
-- nothing that opens, finds or charges: keys, positions, tracker, mandate; nor what somebody wrote about a person.
DO $$
DECLARE closed record;
BEGIN
    FOR closed IN
        SELECT a.attrelid::regclass AS name,
               string_agg(quote_ident(a.attname), ', ') FILTER (WHERE a.attname::text <> ALL (p.hidden)) AS shown
        FROM (VALUES ('party', ARRAY['name', 'mobile', 'email', 'address', 'service_address', 'id_no']),
                     ('account', ARRAY['key_info', 'gps_device_no', 'debit_mandate']),
                     ('event_detail', ARRAY['salt', 'detail']),
                     ('outcome', ARRAY['note']),
                     ('work_item', ARRAY['script']),
                     ('hold', ARRAY['reason']),
                     ('visit_request', ARRAY['reason']),
                     ('committee', ARRAY['reason']),
                     ('location', ARRAY['lat', 'lon']),
                     ('order_report', ARRAY['lat', 'lon'])) AS p(relation, hidden)
        JOIN pg_attribute a ON a.attrelid = to_regclass(p.relation) AND a.attnum > 0 AND NOT a.attisdropped
        GROUP BY a.attrelid
    LOOP
        EXECUTE format('REVOKE SELECT ON %s FROM arrears_auditor', closed.name);
        EXECUTE format('GRANT SELECT (%s) ON %s TO arrears_auditor', closed.shown, closed.name);
    END LOOP;
END $$;
