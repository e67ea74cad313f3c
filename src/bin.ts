#!/usr/bin/env node
/**
 * The program `wtclient`.
 *
 * @since 0.1.0
 */
import { main } from "./cli/main.js"

main()
