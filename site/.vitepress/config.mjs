/** The site of README and docs: the same files, not copies. A link that leads nowhere stops the build. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { defineConfig } from "vitepress"

const site = resolve(import.meta.dirname, "..")
const root = resolve(site, "..")

/** The folders whose Markdown is pages of the site; others have files in between that are not for readers. */
const folders = ["docs", "interop"]

const isFolder = (path) => statSync(join(root, path)).isDirectory()

/** The anchor that a heading has on GitHub, which the links of the pages name. */
const slugify = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

/** Files of the repository that pages link to, such as examples: they are in the site as text, under their names and `.txt`. */
const linkedFiles = new Set()

const adaptLinks = (md) => {
  md.core.ruler.push("links-of-the-repository", ({ env, tokens }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? (token.attrGet("href") ?? "") : ""
      if (href === "" || /^([a-z]+:|#)/.test(href)) continue
      if (/\.md(#|$)/.test(href)) {
        token.attrSet("href", href.replace("README.md", "index.md"))
        continue
      }
      const file = relative(root, resolve(root, dirname(env.relativePath), href))
      if (!existsSync(join(root, file)) || isFolder(file)) continue
      linkedFiles.add(file)
      token.attrSet("href", `${href}.txt`)
      token.attrSet("target", "_self")
    }
  })
}

/** Mermaid draws in the browser, since it measures text there; the theme has the component. */
const drawMermaid = (md) => {
  const { fence } = md.renderer.rules
  md.renderer.rules.fence = (tokens, index, ...others) =>
    tokens[index].info === "mermaid"
      ? `<MermaidPicture source="${encodeURIComponent(tokens[index].content)}" />`
      : fence(tokens, index, ...others)
}

/** The pages are outside of this folder: what they are compiled to would not find Vue. */
const vueOfSite = {
  name: "vue-of-site",
  enforce: "pre",
  resolveId(id, _, options) {
    if (!/^vue(\/|$)/.test(id)) return undefined
    // On the server Node loads it, from the folder of the site.
    if (options.ssr) return { id, external: true }
    return this.resolve(id, join(site, "package.json"), { ...options, skipSelf: true })
  }
}

const item = (text, link) => ({ text, link })

export default defineConfig({
  title: "effect-watchtower",
  description: "Lightning watchtower sessions and backups for Effect, and for any node over HTTP",
  // Browsers ask for an icon where none is named.
  head: [["link", { rel: "icon", href: "data:," }]],
  srcDir: root,
  srcExclude: [
    ...readdirSync(root)
      .filter((name) => isFolder(name) && !folders.includes(name))
      .map((name) => `${name}/**`),
    "interop/*/**"
  ],
  outDir: "dist",
  cacheDir: "node_modules/.cache/vitepress",
  // A folder's README is its first page.
  rewrites: (page) => page.replace(/README\.md$/, "index.md"),
  vite: { plugins: [vueOfSite] },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      item("Embed it", "/docs/embed"),
      item("Run it", "/docs/run"),
      item("From lnd", "/docs/from-lnd"),
      item("All pages", "/docs/")
    ],
    sidebar: [
      { text: "Try it", items: [item("README", "/"), item("All pages", "/docs/")] },
      {
        text: "Embed it",
        items: [
          item("In a program", "/docs/embed"),
          item("Testing", "/docs/testing"),
          item("Errors", "/docs/errors"),
          item("Options", "/docs/options")
        ]
      },
      {
        text: "Run it",
        items: [
          item("Running it", "/docs/run"),
          item("The service", "/docs/service"),
          item("The page", "/docs/page"),
          item("Monitoring", "/docs/monitoring"),
          item("In a container", "/docs/containers"),
          item("The command line", "/docs/command-line"),
          item("The database", "/docs/database")
        ]
      },
      {
        text: "From lnd or dcrlnd",
        items: [item("What corresponds", "/docs/from-lnd"), item("The protocol", "/docs/protocol")]
      },
      {
        text: "How it works",
        items: [
          item("Negotiation", "/docs/negotiation"),
          item("Backups", "/docs/backups"),
          item("Architecture", "/docs/architecture"),
          item("Around Effect", "/docs/concurrency"),
          item("Performance", "/docs/performance"),
          item("Decisions", "/docs/adr/"),
          item("Real towers", "/interop/")
        ]
      }
    ]
  },
  markdown: {
    anchor: { slugify },
    config: (md) => {
      adaptLinks(md)
      drawMermaid(md)
    }
  },
  buildEnd: ({ outDir }) => {
    for (const file of linkedFiles) {
      const copy = join(outDir, `${file}.txt`)
      mkdirSync(dirname(copy), { recursive: true })
      copyFileSync(join(root, file), copy)
    }
  }
})
