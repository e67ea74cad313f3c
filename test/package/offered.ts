/** What an application may import; patterns are as in package.json. */
export const offered = [
  ".",
  "./api",
  "./testing",
  "./layers/BrontideTowerTransport",
  "./layers/HdKeyRing",
  "./layers/JusticeKeys",
  "./layers/KeyFile",
  "./layers/Metrics",
  "./layers/NodeSocketDialer",
  "./layers/NodeWatchtower",
  "./layers/PostgresClientDb",
  "./layers/RoundRobinTowerCandidates",
  "./layers/SocksSocketDialer",
  "./layers/SqlClientDb",
  "./layers/SqliteClientDb",
  "./layers/http/NodeHttpService",
  "./layers/negotiator/SessionNegotiator",
  "./layers/tower/NodeLoopbackTower",
  "./schema/*",
  "./services/*",
  "./package.json"
]
