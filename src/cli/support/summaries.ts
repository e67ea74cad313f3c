/** What each command does, in a sentence. @since 0.1.0 @category config */
export const summaries = {
  init: "Make a key file: a new key, or with --import the seed of an existing wallet",
  add: "Add a tower, or one more address of it; the newest address is tried first",
  remove: "Remove a tower, or one of its addresses; sessions are kept",
  deactivate: "Ask a tower for no more sessions, and send it no more updates, until it is added again",
  towers: "List the towers, and say which can be asked for a session of a policy",
  tower: "Show a tower: addresses, sessions, and how it stands for a policy",
  negotiate: "Get sessions: ask the towers until one gives a session, --count times",
  sessions: "List the sessions, by key index",
  session: "Do something with one session: session terminate gives it up",
  channels: "List the channels, and how many of their states have all copies, miss some, or were lost",
  stats: "Sum up channels, states and sessions so far",
  policy: "Show what is proposed to towers, for each blob type",
  status: "Say how the client stands: sessions, towers, why one is not asked and until when; --check for scripts",
  watch: "Show the status as it changes, and what happens meanwhile, until Ctrl-C",
  doctor: "Say what is the matter with a tower: address, connection, key, chain; --create asks for sessions too",
  run: "Be the tower client of a node: take revoked states in over HTTP, and keep unused sessions",
  page: "Print an address that opens the page of the running service in a browser, once and within a minute",
  demo: "Show it all at work: a tower on this machine, a session from it, backups, and a breach that it punishes",
  serve: "Be a tower on this machine, for trying things out; it watches no chain",
  db: "Care of the database"
} as const
