import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

/** The package's folder: both `src/node/` and the bundle in `dist/` are run. */
export const ROOT = path.resolve(here, path.basename(here) === "dist" ? ".." : "../..");
