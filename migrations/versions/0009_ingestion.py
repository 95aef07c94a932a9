"""Meter files, their rejected lines and contents, collections, and scans of the FTP server.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

from migrations.grants import grant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ingestion.collections (
    name text NOT NULL,
    readings bigint DEFAULT 0 NOT NULL,
    first_time timestamptz,
    last_time timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_collections PRIMARY KEY (name)
);
CREATE TABLE ingestion.collection_sensors (
    collection text NOT NULL,
    digest bytea NOT NULL,
    meter text NOT NULL,
    sensor_id text NOT NULL,
    CONSTRAINT pk_collection_sensors PRIMARY KEY (collection, digest),
    CONSTRAINT fk_collection_sensors_collection_collections FOREIGN KEY (collection)
        REFERENCES ingestion.collections (name) ON DELETE CASCADE
);
CREATE TABLE ingestion.files (
    file_id uuid NOT NULL,
    discovered_at timestamptz NOT NULL,
    updated_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    modified timestamptz,
    first_time timestamptz,
    last_time timestamptz,
    lease_until timestamptz,
    claim bigint NOT NULL,
    size bigint NOT NULL,
    "offset" bigint NOT NULL,
    lines bigint NOT NULL,
    received bigint NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    rejected bigint NOT NULL,
    generation integer NOT NULL,
    chunks integer NOT NULL,
    duplicate_of uuid,
    origin text NOT NULL,
    status text NOT NULL,
    path text NOT NULL,
    collection text NOT NULL,
    sha256 bytea,
    name_meter text,
    worker text,
    error_code text,
    error_detail text,
    CONSTRAINT pk_files PRIMARY KEY (file_id),
    CONSTRAINT uq_files_origin_path UNIQUE (origin, path),
    CONSTRAINT fk_files_collection_collections FOREIGN KEY (collection)
        REFERENCES ingestion.collections (name),
    CONSTRAINT fk_files_duplicate_of_files FOREIGN KEY (duplicate_of) REFERENCES ingestion.files (file_id),
    CONSTRAINT ck_files_origin CHECK (origin IN ('ftp', 'upload', 'import')),
    CONSTRAINT ck_files_status CHECK (
        status IN ('discovered', 'processing', 'processed', 'duplicate', 'partial', 'failed')),
    CONSTRAINT ck_files_path CHECK (octet_length(path) <= 2000)
);
CREATE INDEX ix_files_updated_at_file_id ON ingestion.files (updated_at, file_id);
CREATE INDEX ix_files_status_updated_at_file_id ON ingestion.files (status, updated_at, file_id);
CREATE INDEX ix_files_collection_updated_at_file_id ON ingestion.files (collection, updated_at, file_id);
CREATE INDEX ix_files_sha256 ON ingestion.files (sha256);
CREATE INDEX ix_files_waiting ON ingestion.files (origin, updated_at, file_id)
    WHERE status IN ('discovered', 'processing');
CREATE INDEX ix_files_read ON ingestion.files (ended_at) WHERE status IN ('processed', 'partial');
CREATE TABLE ingestion.file_rejects (
    file_id uuid NOT NULL,
    line bigint NOT NULL,
    generation integer NOT NULL,
    chunk integer NOT NULL,
    position integer NOT NULL,
    text text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT pk_file_rejects PRIMARY KEY (file_id, generation, chunk, position),
    CONSTRAINT fk_file_rejects_file_id_files FOREIGN KEY (file_id)
        REFERENCES ingestion.files (file_id) ON DELETE CASCADE
);
CREATE TABLE ingestion.file_contents (
    file_id uuid NOT NULL,
    part integer NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT pk_file_contents PRIMARY KEY (file_id, part),
    CONSTRAINT fk_file_contents_file_id_files FOREIGN KEY (file_id)
        REFERENCES ingestion.files (file_id) ON DELETE CASCADE
);
-- It comes compressed: the server need not try again.
ALTER TABLE ingestion.file_contents ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE TABLE ingestion.scans (
    scan_id uuid NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    started timestamptz NOT NULL,
    ended timestamptz,
    lease_until timestamptz,
    bytes_done bigint NOT NULL,
    bytes_total bigint NOT NULL,
    folders integer NOT NULL,
    files_seen integer NOT NULL,
    files_done integer NOT NULL,
    files_skipped integer NOT NULL,
    files_failed integer NOT NULL,
    trigger text NOT NULL,
    status text NOT NULL,
    worker text,
    current_file text,
    error_code text,
    error_detail text,
    CONSTRAINT pk_scans PRIMARY KEY (scan_id),
    CONSTRAINT ck_scans_trigger CHECK (trigger IN ('start', 'interval', 'request')),
    CONSTRAINT ck_scans_status CHECK (status IN ('running', 'completed', 'failed'))
);
CREATE UNIQUE INDEX uq_scans_running ON ingestion.scans (status) WHERE status = 'running';
CREATE INDEX ix_scans_created_at_scan_id ON ingestion.scans (created_at, scan_id);
COMMENT ON TABLE ingestion.collections IS
    'Folders with meter files; readings are those that were new, times those of all.';
COMMENT ON TABLE ingestion.collection_sensors IS
    'Meters and sensors of which the files of a collection speak; digest (SHA-256) stands for both.';
COMMENT ON TABLE ingestion.files IS
    'Meter files, how far they are, and what became of their lines; times of a claim by the'
    ' database''s clock.';
COMMENT ON COLUMN ingestion.files.generation IS 'Grows when the file is to be read anew.';
COMMENT ON COLUMN ingestion.files.claim IS 'Grows each time a worker takes the file up.';
COMMENT ON COLUMN ingestion.files."offset" IS 'Up to which byte the content is stored.';
COMMENT ON TABLE ingestion.file_rejects IS
    'Refused lines of the newest generation of each file; position counts within the chunk.';
COMMENT ON TABLE ingestion.file_contents IS 'What was uploaded, in parts of zlib, to be read again.';
COMMENT ON TABLE ingestion.scans IS
    'Looks through the FTP server, at most one of which is running; times of leases by the'
    ' database''s clock.';
"""


def upgrade() -> None:
    op.execute(_TABLES)
    grant("SELECT, INSERT, UPDATE", "ingestion.collections", to="ingestion")
    grant("SELECT, INSERT", "ingestion.collection_sensors", to="ingestion")
    # What is known of a file is never forgotten: it would be read again.
    grant("SELECT, INSERT, UPDATE", "ingestion.files", to="ingestion")
    grant("SELECT, INSERT, DELETE", "ingestion.file_rejects", to="ingestion")
    grant("SELECT, INSERT, UPDATE, DELETE", "ingestion.file_contents", to="ingestion")
    grant("SELECT, INSERT, UPDATE, DELETE", "ingestion.scans", to="ingestion")


def downgrade() -> None:
    for table in ("scans", "file_contents", "file_rejects", "files", "collection_sensors", "collections"):
        op.execute(f"DROP TABLE ingestion.{table}")
