-- Makes the roles of one database. To be run as a superuser or a role with CREATEROLE, before the first migration:
--
--     SERVICE_PASSWORD=... psql -X -f migrations/roles.sql <database>
--
-- Without SERVICE_PASSWORD the service's role has no password yet; `\password <database>_service` gives it one
-- without a trace in the server's log. Running this again changes nothing else.
--
-- Roles are cluster-wide, so their names carry the name of the database. The service logs in as
-- <database>_service, which can do nothing by itself (NOINHERIT): each transaction takes the role of one module.
\set ON_ERROR_STOP on
\getenv service_password SERVICE_PASSWORD
BEGIN;
SELECT current_database() AS db \gset
SELECT format('CREATE ROLE %I NOLOGIN', :'db' || '_' || module)
FROM unnest(ARRAY['ops', 'sensors', 'ingestion', 'demand_response']) AS module
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'db' || '_' || module) \gexec
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', :'db' || '_service')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'db' || '_service') \gexec
SELECT format('GRANT %I TO %I', :'db' || '_' || module, :'db' || '_service')
FROM unnest(ARRAY['ops', 'sensors', 'ingestion', 'demand_response']) AS module \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', :'db', :'db' || '_service') \gexec
\if :{?service_password}
SELECT format('ALTER ROLE %I PASSWORD %L', :'db' || '_service', :'service_password') \gexec
\endif
COMMIT;
