/** The page of the service (docs/page.md). @since 0.1.0 */
import { html, render } from "htm/preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { useDoctor } from "./doctor.js"
import { type Connection, follow } from "./live.js"
import { attempt, type Outcome } from "./outcome.js"
import { Plot } from "./plot.js"
import { addTower, type Channel, removeTower, type Session, type Snapshot, type Tower } from "./service.js"
import {
  advice,
  blobTypeName,
  counted,
  doingAt,
  isHeldBack,
  roleWords,
  sessionWords,
  short,
  span,
  standingsOf,
  trying,
  waitingWords
} from "./words.js"

interface Shown {
  readonly snapshot: Snapshot
  readonly now: number
}

const Trying = ({ now, snapshot: { status } }: Shown) => {
  const lines = trying(status, now)
  return html`
    <section aria-labelledby="now">
      <h2 id="now">Now</h2>
      <ul>
        ${lines.length === 0 ? html`<li>No session is asked for.</li>` : lines.map((line) => html`<li>${line}</li>`)}
        <li class="soft">${roleWords(status)}</li>
      </ul>
    </section>`
}

/** `outcome` is what was done with the list of towers last. */
const AddTower = ({
  onOutcome,
  outcome
}: {
  readonly outcome: Outcome | undefined
  readonly onOutcome: (outcome: Outcome) => void
}) => {
  const [text, setText] = useState("")
  const submit = async (event: Event) => {
    event.preventDefault()
    const result = await attempt(() => addTower(text.trim()), "The tower is added.")
    onOutcome(result)
    if (!result.isError) setText("")
  }
  const isWrong = outcome?.isError === true
  return html`
    <form onSubmit=${submit}>
      <label for="tower">Add a tower</label>
      <input id="tower" name="tower" required autocomplete="off" autocapitalize="none" spellcheck=${false}
        aria-describedby="tower-form tower-outcome" aria-invalid=${isWrong} value=${text}
        onInput=${(event: InputEvent) => {
          if (event.currentTarget instanceof HTMLInputElement) setText(event.currentTarget.value)
        }} />
      <button type="submit">Add</button>
    </form>
    <p id="tower-form" class="soft">As its operator gives it: <code>publickey@host:port</code></p>
    <p id="tower-outcome" role="status" class=${isWrong ? "bad" : "good"}>${outcome?.text}</p>`
}

const TowerItem = ({
  now,
  onChange,
  onRemove,
  report,
  snapshot
}: Shown & { readonly report: Tower; readonly onChange: () => void; readonly onRemove: () => void }) => {
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined)
  const heading = useRef<HTMLHeadingElement>(null)
  const { tower } = report
  const name = `tower ${tower.id}`
  const failure = snapshot.history.lastFailures.find(({ towerId }) => towerId === tower.id)
  const sessions = report.standings.reduce((sum, { standing }) => sum + standing.sessions, 0)
  const doing = doingAt(snapshot.status, tower.id, now)
  const doctor = useDoctor(tower, now)
  const addAgain = async () => {
    const result = await attempt(() => addTower(`${tower.publicKey}@${tower.addresses[0] ?? ""}`), "It is asked again.")
    setOutcome(result)
    if (result.isError) return
    onChange()
    // The button goes away, and the focus would go to the beginning of the page.
    heading.current?.focus()
  }
  const remove = async () => {
    const question = `Remove ${name}? Its sessions are kept, and can be used again when it is added again.`
    if (!confirm(question)) return
    const result = await attempt(() => removeTower(tower.publicKey), "It is removed.")
    setOutcome(result)
    if (!result.isError) onRemove()
  }
  return html`
    <li>
      <h3 tabindex="-1" ref=${heading}>Tower ${tower.id}</h3>
      <p class="soft"><code>${tower.publicKey}</code><br />at <code>${tower.addresses.join(", ")}</code></p>
      <p>${doing.length === 0 ? "Nothing is done with it at the moment." : doing.join(" ")}</p>
      ${standingsOf(report, now).map(({ mood, text }) => html`<p class=${mood}>${text}</p>`)}
      <p class="soft">Has given ${counted(sessions, "session")}.</p>
      ${failure === undefined ? null : html`<p>Last failure, ${span(now - failure.at)} ago: ${failure.message}</p>`}
      <div class="buttons">
        ${isHeldBack(report) ? html`<button type="button" onClick=${addAgain}>Ask ${name} again</button>` : null}
        ${doctor.button}
        <button type="button" onClick=${remove}>Remove ${name}</button>
      </div>
      <p role="status" class=${outcome?.isError === true ? "bad" : "good"}>${outcome?.text}</p>
      ${doctor.answer}
    </li>`
}

/** `onChange` is called when a tower was added or removed. */
const Towers = ({ now, onChange, snapshot }: Shown & { readonly onChange: () => void }) => {
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined)
  const heading = useRef<HTMLHeadingElement>(null)
  const onAdd = (result: Outcome) => {
    setOutcome(result)
    onChange()
  }
  const onRemove = (id: number) => {
    onChange()
    setOutcome({ isError: false, text: `Tower ${id} is removed.` })
    // The tower's buttons go away, and the focus would go to the beginning of the page.
    heading.current?.focus()
  }
  return html`
    <section aria-labelledby="towers">
      <h2 id="towers" tabindex="-1" ref=${heading}>Towers</h2>
      <${AddTower} outcome=${outcome} onOutcome=${onAdd} />
      ${
        snapshot.towers.length === 0
          ? null
          : html`
            <ul class="towers">
              ${snapshot.towers.map(
                (report) => html`
                  <${TowerItem} key=${report.tower.id} report=${report} snapshot=${snapshot} now=${now}
                    onChange=${onChange} onRemove=${() => onRemove(report.tower.id)} />`
              )}
            </ul>`
      }
    </section>`
}

/** A table whose rows become cards on a phone; the roles say that it is a table there too. */
const Table = <Row>(given: {
  readonly caption: string
  readonly columns: ReadonlyArray<readonly [name: string, cell: (row: Row) => unknown]>
  readonly rows: ReadonlyArray<Row>
  readonly keyOf: (row: Row) => string
}) => html`
  <table role="table">
    <caption>${given.caption}</caption>
    <thead role="rowgroup">
      <tr role="row">${given.columns.map(([name]) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr>
    </thead>
    <tbody role="rowgroup">
      ${given.rows.map(
        (row) => html`
          <tr role="row" key=${given.keyOf(row)}>
            ${given.columns.map(([name, cell], index) =>
              index === 0
                ? html`<th role="rowheader" scope="row">${cell(row)}</th>`
                : html`<td role="cell" data-label=${name}>${cell(row)}</td>`
            )}
          </tr>`
      )}
    </tbody>
  </table>`

const Fullness = ({ policy, seqNum }: Session) => html`
  <meter min="0" max=${policy.maxUpdates} value=${seqNum} aria-label="Updates used"></meter>
  ${" "}<span class="whole">${seqNum.toLocaleString("en")} of ${policy.maxUpdates.toLocaleString("en")}</span>`

const Sessions = ({ now, snapshot }: Shown) => {
  const { isCut, sessions, status } = snapshot
  return html`
    <section aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      ${
        sessions.length === 0
          ? html`<p>There are no sessions yet. They come from the towers, by themselves.</p>`
          : html`<${Table}
              caption=${isCut.sessions ? `The first ${sessions.length}; wtclient sessions lists all` : counted(sessions.length, "session")}
              rows=${sessions}
              keyOf=${({ id }: Session) => id}
              columns=${[
                ["Session", ({ keyIndex }: Session) => `Session ${keyIndex}`],
                ["Tower", ({ towerId }: Session) => `Tower ${towerId}`],
                ["Type", ({ policy }: Session) => blobTypeName(policy.blobType)],
                ["Updates", Fullness],
                ["State", (session: Session) => sessionWords(session, status, now)]
              ]} />`
      }
    </section>`
}

const Copies = ({ channel, now }: { readonly channel: Channel; readonly now: number }) => html`
  ${channel.complete.toLocaleString("en")} of ${channel.handedIn.toLocaleString("en")}
  ${waitingWords(channel, now).map((line) => html`<br /><span class="warn">${line}</span>`)}
  ${
    channel.lost === 0
      ? null
      : html`<br /><span class="bad">${counted(channel.lost, "state")} lost a copy: hand ${channel.lost === 1 ? "it" : "them"} in again.</span>`
  }
  ${
    channel.ineligible === 0
      ? null
      : html`<br /><span class="soft">${counted(channel.ineligible, "state")} cannot be punished by a tower.</span>`
  }`

const Channels = ({ now, snapshot: { channels, isCut } }: Shown) => html`
  <section aria-labelledby="channels">
    <h2 id="channels">Channels</h2>
    ${
      channels.length === 0
        ? html`<p>There are no channels. The node's program registers them, and hands their revoked states in.</p>`
        : html`<${Table}
            caption=${isCut.channels ? `The first ${channels.length}; wtclient channels lists all` : counted(channels.length, "channel")}
            rows=${channels}
            keyOf=${({ channel }: Channel) => channel.id}
            columns=${[
              ["Channel", ({ channel }: Channel) => html`<code title=${channel.id}>${short(channel.id)}</code>`],
              ["Type", ({ channel }: Channel) => channel.type],
              ["States with all copies", (channel: Channel) => html`<${Copies} channel=${channel} now=${now} />`],
              ["State", ({ isClosed }: Channel) => (isClosed ? "closed" : "open")]
            ]} />`
    }
  </section>`

const connectionWords: Readonly<Record<Connection, string>> = {
  connecting: "Connecting",
  live: "✓ Connected",
  lost: "✗ The service does not answer. The page tries again by itself.",
  signedOut: "✗ Signed out"
}

const Page = () => {
  const [connection, setConnection] = useState<Connection>("connecting")
  const [snapshot, setSnapshot] = useState<Snapshot | undefined>(undefined)
  const [trouble, setTrouble] = useState<string | undefined>(undefined)
  const [now, setNow] = useState(Date.now())
  const [reload, setReload] = useState(() => () => {})

  useEffect(() => {
    const load = follow({
      onConnection: setConnection,
      onSnapshot: (loaded) => {
        setSnapshot(loaded)
        setTrouble(undefined)
        setNow(Date.now())
      },
      onTrouble: setTrouble
    })
    setReload(() => load)
    // The countdowns.
    setInterval(() => setNow(Date.now()), 1000)
  }, [])

  const shown = snapshot === undefined || connection === "signedOut" ? undefined : { snapshot, now }
  const notice = trouble ?? (shown && advice(shown.snapshot))
  return html`
    <header>
      <h1>Watchtower client</h1>
      ${
        shown === undefined
          ? null
          : html`<p class="soft">${shown.snapshot.status.chain} ${shown.snapshot.status.network}, version ${shown.snapshot.status.version}</p>`
      }
      <p role="status" class=${connection === "live" ? "good" : connection === "connecting" ? "soft" : "bad"}>
        ${connectionWords[connection]}
      </p>
    </header>
    <main>
      ${
        connection === "signedOut"
          ? html`<p class="notice">
              This browser is not signed in. Type <code>wtclient page</code> in a terminal, and open the address that it prints. Each
              address can be opened once, within a minute.
            </p>`
          : null
      }
      ${
        connection === "lost" && shown !== undefined
          ? html`<p class="notice">What is shown is from ${new Date(shown.snapshot.at).toLocaleTimeString()}.</p>`
          : null
      }
      ${notice === undefined ? null : html`<p class="notice">${notice}</p>`}
      ${
        shown === undefined
          ? null
          : html`
            <${Trying} ...${shown} />
            <${Towers} ...${shown} onChange=${reload} />
            <section aria-labelledby="counts">
              <h2 id="counts">The last day, since the service started</h2>
              <${Plot} snapshot=${shown.snapshot} />
            </section>
            <${Sessions} ...${shown} />
            <${Channels} ...${shown} />`
      }
    </main>`
}

const place = document.getElementById("page")
if (place !== null) render(html`<${Page} />`, place)
