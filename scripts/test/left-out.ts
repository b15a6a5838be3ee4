/** Test files that the run on PostgreSQL leaves out, each with its reason; every other file runs on both databases. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'test/cli-app-faults.ts': 'is about what is refused before anything is stored',
  'test/cli-general.ts': 'is about flags, files of settings and exit codes',
  'test/cli-help.ts': 'asks commands for their help, which no database answers',
  'test/configuration-faults.ts': 'is about what is refused before anything is stored',
  'test/configuration.ts': 'is about settings and the file of the master key',
  'test/database-backup.ts': 'brings a PostgreSQL server along, and works on both databases',
  'test/database-check.ts': 'brings a PostgreSQL server along, and works on both databases',
  'test/database-move.ts': 'brings a PostgreSQL server along, and works on both databases',
  'test/demo-in-a-browser.ts': 'the demo keeps its data in a file',
  'test/disk-full.ts': 'is about the disk under the file of SQLite',
  'test/group-commit.ts': 'is about the one connection of SQLite that writes',
  'test/migrations.ts': 'is about files; test/postgres.ts does the same on a server',
  'test/overload.ts': 'asks no database',
  'test/promises-of-the-documents.ts': 'compares documents with the code',
  'test/sign-in-in-a-browser.ts':
    'is about what a browser makes of the pages; test/sign-in-pages.ts sends the same requests',
  'test/storage-sqlite.ts': 'is about SQLite itself',
  'test/timekeeper.ts': 'is about clocks, and stores nothing',
}
