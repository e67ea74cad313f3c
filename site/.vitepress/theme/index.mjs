/** The theme of VitePress, with the fonts of the system and with pictures. */
import DefaultTheme from "vitepress/theme-without-fonts"
import { MermaidPicture } from "./MermaidPicture.mjs"
import "./pictures.css"

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component("MermaidPicture", MermaidPicture)
  }
}
