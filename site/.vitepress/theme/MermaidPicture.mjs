/** A picture in Mermaid's words, drawn anew when the reader changes between light and dark. */
// As a file that is already bundled: to bundle its parts takes longer than all the rest of the site.
import mermaidFile from "mermaid/dist/mermaid.min.js?url"
import { useData } from "vitepress"
import { defineComponent, h, onMounted, ref, useId, watch } from "vue"

let loading

/** Mermaid is large, and only some pages have pictures. It is a script of the old kind, which makes a global variable. */
const load = () => {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = mermaidFile
    script.onload = () => resolve(globalThis.mermaid)
    script.onerror = reject
    document.head.append(script)
  })
  return loading
}

/** Mermaid draws one picture at a time: two at once would take each other's measures. */
let drawing = Promise.resolve()

export const MermaidPicture = defineComponent({
  props: { source: { type: String, required: true } },
  setup: ({ source }) => {
    const { isDark } = useData()
    const text = decodeURIComponent(source)
    const id = `picture${useId()}`.replaceAll(":", "-")
    const svg = ref("")

    const draw = async () => {
      const mermaid = await load()
      mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: isDark.value ? "dark" : "neutral" })
      svg.value = (await mermaid.render(id, text)).svg
    }
    const drawNext = () => {
      drawing = drawing.then(draw)
    }
    onMounted(drawNext)
    watch(isDark, drawNext)

    // Until it is drawn, and where there is no JavaScript, its words are there to read. Both may be too wide, and scroll: the arrow keys
    // do that where the focus is.
    return () =>
      svg.value === ""
        ? h("pre", { class: "picture", tabindex: 0 }, text)
        : h("div", { class: "picture", role: "img", tabindex: 0, "aria-label": text, innerHTML: svg.value })
  }
})
