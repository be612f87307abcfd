/** Statement n brings `user_version` from n to n + 1. Never edit one that was released; append. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE objects (
    kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
    generation INTEGER NOT NULL, resource_version TEXT NOT NULL,
    creation_timestamp TEXT NOT NULL, deletion_timestamp TEXT,
    labels TEXT, annotations TEXT, finalizers TEXT,
    spec TEXT NOT NULL, status TEXT,
    source_file TEXT, source_document INTEGER,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    name TEXT PRIMARY KEY, resource_version INTEGER NOT NULL, event TEXT NOT NULL
  ) STRICT;
  CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL, attempt INTEGER NOT NULL, role TEXT NOT NULL, entry TEXT NOT NULL,
    UNIQUE (uid, attempt, role)
  ) STRICT;
  CREATE TABLE cancels (
    uid TEXT NOT NULL, generation INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (uid, generation)
  ) STRICT;
  CREATE TABLE last_applied (
    kind TEXT NOT NULL, name TEXT NOT NULL, manifest TEXT, text TEXT, base_directory TEXT NOT NULL, PRIMARY KEY (kind, name)
  ) STRICT;
  CREATE TABLE published (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, job_uid TEXT NOT NULL) STRICT;
  `,
];
