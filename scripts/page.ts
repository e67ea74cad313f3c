/** The page of the service, built from `src/page` into three files, which need nothing else. */
import { build } from "esbuild"
import * as BlobType from "../src/schema/BlobType.js"
import { permanentReasons } from "../src/schema/NegotiationError.js"

/** Writes the files into the folder; answers the files that they are made of. */
export const buildPage = async (folder: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    entryPoints: ["src/page/page.ts", "src/page/page.css", "src/page/index.html"],
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    loader: { ".html": "copy" },
    // The words of the library, without the schemas that stand beside them there.
    define: {
      BLOB_TYPES: JSON.stringify(
        Object.fromEntries(Object.entries(BlobType.byName).map(([name, type]) => [type, name]))
      ),
      PERMANENT_REASONS: JSON.stringify(permanentReasons)
    },
    metafile: true,
    logLevel: "warning"
  })
  return Object.keys(metafile.inputs)
}
