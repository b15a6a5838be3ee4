/** The user of the database may not lay records down beside the tables. */
export class MissingRight extends Error {
  /** @param said by the database */
  constructor(said: string) {
    super(
      `the user of TESSERA_DATABASE_URL may not create temporary tables, which tessera apply needs (${said}); as the owner of the database run GRANT TEMPORARY ON DATABASE its_name TO that_user`,
    )
  }
}
