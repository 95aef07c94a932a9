"""What the migrations made of a database, as its catalog tells: to be compared."""

# ruff: noqa: S608 - all of our own names

import psycopg

Row = tuple[object, ...]

_SCHEMAS = "nspname IN ('ops', 'sensors', 'ingestion', 'demand_response')"
_QUERIES = {
    "schemas": f"""SELECT nspname, nspacl::text, obj_description(oid, 'pg_namespace')
        FROM pg_namespace WHERE {_SCHEMAS}""",
    "relations": f"""SELECT nspname, relname, relkind::text, relpersistence::text, reloptions, relacl::text,
        obj_description(pg_class.oid, 'pg_class'), pg_get_partkeydef(pg_class.oid)
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE {_SCHEMAS}""",
    "columns": f"""SELECT nspname, relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
        attidentity::text, attstorage::text, attacl::text, pg_get_expr(adbin, adrelid)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE {_SCHEMAS} AND attnum > 0 AND NOT attisdropped""",
    "constraints": f"""SELECT nspname, conrelid::regclass::text, conname,
        pg_get_constraintdef(pg_constraint.oid)
        FROM pg_constraint JOIN pg_namespace ON pg_namespace.oid = connamespace WHERE {_SCHEMAS}""",
    "indexes": "SELECT schemaname, tablename, indexdef FROM pg_indexes WHERE "
    + _SCHEMAS.replace("nspname", "schemaname"),
    "functions": f"""SELECT nspname, proname, prosrc, prosecdef, proconfig, proacl::text,
        obj_description(pg_proc.oid, 'pg_proc')
        FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE {_SCHEMAS}""",
}


def catalog(connection: "psycopg.Connection[Row]") -> dict[str, list[str]]:
    """Return all that the catalog says of our schemas, without the database's own name."""
    name = connection.info.dbname
    return {
        what: sorted(str(row).replace(name, "<database>") for row in connection.execute(query.encode()))
        for what, query in _QUERIES.items()
    }


def roles(connection: "psycopg.Connection[Row]") -> list[str]:
    """Return what the roles of this database are and may, without the database's own name."""
    name = connection.info.dbname
    found = connection.execute(
        """SELECT rolname, concat_ws(' ', rolcanlogin, rolinherit, rolsuper, rolcreaterole, rolcreatedb,
                rolreplication, rolbypassrls, rolpassword IS NOT NULL),
            (SELECT string_agg(concat_ws(' ', pg_get_userbyid(roleid),
                    inherit_option, set_option, admin_option), ', ' ORDER BY pg_get_userbyid(roleid))
                FROM pg_auth_members WHERE member = pg_authid.oid),
            (SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type)
                FROM pg_database, aclexplode(datacl) WHERE datname = %(name)s AND grantee = pg_authid.oid)
        FROM pg_authid WHERE starts_with(rolname, %(name)s || '_') ORDER BY rolname""",
        {"name": name},
    ).fetchall()
    return [" / ".join(str(one).replace(name, "<database>") for one in row) for row in found]
