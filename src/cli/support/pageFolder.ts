/**
 * Where the files of the page are.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

/** From the program in `dist` and from its parts in `dist/cli`; and from this file, where the program runs from its source. */
const places = ["page", "../page", "../../../dist/page"]

/** The folder; undefined where `npm run build` has not made it. @since 0.1.0 @category constructors */
export const pageFolder = (): string | undefined =>
  places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((folder) => fs.existsSync(path.join(folder, "index.html")))
