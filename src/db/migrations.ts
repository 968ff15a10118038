/** The migrations that this code needs, in order: the files of `migrations/sqlite`. */
export const MIGRATIONS: readonly string[] = ["0000_init", "0001_blobs", "0002_files", "0003_delivery_rules"];
