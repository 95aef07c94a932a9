-- Makes the roles of one database. Run once as a superuser (or with CREATEROLE), before the first migration:
--
--     psql -v service_password="'...'" -f migrations/roles.sql <database>
--
-- Roles are cluster-wide, so their names carry the name of the database. The service logs in as
-- <database>_service, which can do nothing by itself (NOINHERIT): each transaction takes the role of one module.
SELECT current_database() AS db \gset
SELECT format('CREATE ROLE %I NOLOGIN', :'db' || '_' || module)
FROM unnest(ARRAY['ops', 'sensors', 'ingestion', 'demand_response']) AS module
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'db' || '_' || module) \gexec
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', :'db' || '_service')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'db' || '_service') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'db' || '_service', :service_password) \gexec
SELECT format('GRANT %I TO %I', :'db' || '_' || module, :'db' || '_service')
FROM unnest(ARRAY['ops', 'sensors', 'ingestion', 'demand_response']) AS module \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', :'db', :'db' || '_service') \gexec
