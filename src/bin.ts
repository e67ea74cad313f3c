#!/usr/bin/env node
/**
 * The program `wtclient`.
 *
 * @since 0.1.0
 */
const [only, ...others] = process.argv.slice(2)

// Imported here, since a static import would load the whole program for a line.
if (only === "--version" && others.length === 0) (await import("./cli/printVersion.js")).printVersion()
else (await import("./cli/main.js")).main()
