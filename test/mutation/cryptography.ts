/** Faults in the encrypted transport, in the derivation of keys and in the file that holds the root. */
import { inFile, type Part } from "./mutant.js"

export const connection: ReadonlyArray<Part> = [
  {
    name: "noise",
    quick: [
      "test/internal/noise.test.ts",
      "test/internal/frame.test.ts",
      "test/internal/aead.test.ts",
      "test/internal/primitives.test.ts",
      "test/services/Entropy.test.ts",
      "test/layers/wiping.test.ts"
    ],
    thorough: ["test/conformance.test.ts"],
    mutants: [
      ...inFile(
        "src/internal/noise.ts",
        ["    wipeBytes(product)\n", ""],
        ["    Symmetric.wipe(keyed)\n", ""],
        ["act[0] === version ?", "true ?"],
        ["curve.isPoint(point)\n      ?", "true\n      ?"],
        ["tag: act.subarray(keyEnd)", "tag: act.subarray(keyEnd - 1)"],
        ["  Symmetric.wipe(symmetric)\n  return [", "  return ["],
        ["    Symmetric.wipe(symmetric)\n    return [", "    return ["],
        ["const [receive, send] = Symmetric.split(symmetric)", "const [send, receive] = Symmetric.split(symmetric)"],
        ["body(act, sealedKeyEnd)", "body(act, sealedKeyEnd - 1)"]
      ),
      ...inFile(
        "src/internal/symmetric.ts",
        ["  state.chainingKey.wipe()\n", ""],
        ["  state.key.wipe()\n", ""],
        ["return { ...state, chainingKey, key, nonce: 0 }", "return { ...state, chainingKey, key }"],
        ["nonce: state.nonce + 1 }, sealed), sealed]", "nonce: state.nonce }, sealed), sealed]"],
        ["nonce: state.nonce + 1 }, sealed),\n    plaintext", "nonce: state.nonce }, sealed),\n    plaintext"],
        ["new Key(protocolHash.slice())", "new Key(protocolHash)"],
        ["state.chainingKey.bytes().slice()", "state.chainingKey.bytes()"],
        ["hash: prologueHash,", "hash: protocolHash,"],
        ["concat(state.hash, bytes)", "concat(bytes, state.hash)"]
      ),
      ...inFile(
        "src/internal/cipher.ts",
        ["nonce + 1 < usesOfKey", "nonce + 1 <= usesOfKey"],
        ["  wipe(cipher)\n", ""],
        ["return make(key, chainingKey)", "return make(chainingKey, key)"],
        ["  cipher.key.wipe()\n", ""],
        ["  cipher.chainingKey.wipe()\n", ""]
      ),
      ...inFile(
        "src/internal/aead.ts",
        ["bytes[4] = counter\n", "bytes[7] = counter\n"],
        ["bytes[5] = counter >> 8\n", ""],
        ["bytes[7] = counter >> 24\n", "\n"],
        ["[new Key(first), new Key(second)]", "[new Key(second), new Key(first)]"],
        ["Bytes.wipe(extracted, secondInput)", "Bytes.wipe(extracted)"],
        ["Bytes.wipe(extracted, secondInput)", "Bytes.wipe(secondInput)"]
      ),
      ...inFile(
        "src/internal/nodePrimitives.ts",
        ["new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)", "buffer"],
        ["if (associated.length > 0) cipher.setAAD(associated)", ""],
        ["if (associated.length > 0) decipher.setAAD(associated)", ""],
        ['if (sealed.length < tagLength) return Either.left("BadMac")', ""],
        ["          decipher.final()\n", ""],
        ["if (!isEquivalent(primitives, noblePrimitives)) throw", "if (false) throw"],
        ["    equals(bytes, other.sha256(nonce)) &&\n", ""],
        ["    equals(one.hmacSha256(bytes, nonce), other.hmacSha256(bytes, nonce)) &&\n", ""],
        ["    equals(one.hmacSha512(bytes, nonce), other.hmacSha512(bytes, nonce)) &&\n", ""],
        ["    equals(sealed, other.seal(bytes, nonce, bytes, bytes)) &&\n", ""],
        ["    Either.isRight(opened) &&\n    equals(opened.right, bytes)\n", "    Either.isRight(opened)\n"]
      ),
      ...inFile(
        "src/services/Entropy.ts",
        ["    ahead.fill(0, taken, taken + count)\n", ""],
        ["    taken += count\n", ""]
      ),
      ...inFile(
        "src/internal/frame.ts",
        ["if (body.length > maxBody)", "if (body.length >= maxBody)"],
        ["if (body.length > maxBody)", "if (body.length > maxBody + 1)"],
        ["body.length >> 8", "0"],
        ["last.length <= 2 * length", "last.length <= 0 * length"],
        ["if (piece.length < state.missing)", "if (piece.length <= state.missing)"],
        ["missing: state.missing - piece.length", "missing: state.missing"],
        [".getUint16(0) + tagLength", ".getUint16(0)"],
        ["pieces: [],", "pieces: [new Uint8Array(1)],"]
      )
    ]
  },
  {
    name: "brontide",
    quick: ["test/layers/BrontideTowerTransport.test.ts", "test/layers/brontide", "test/layers/wiping.test.ts"],
    thorough: ["test/layers/tower", "test/layers/NodeSocketDialer.test.ts"],
    mutants: [
      ...inFile(
        "src/layers/brontide/connection.ts",
        ["if (sending !== undefined) Cipher.wipe(sending)\n", "\n"],
        ["      sending = undefined\n", ""],
        ["      Cipher.wipe(decoder.cipher)\n", ""],
        ["const readAhead = 2 * Frame.maxFrame", "const readAhead = 40 * Frame.maxFrame"],
        ["unread -= Frame.overhead + body.length", "unread -= body.length"],
        ["unread += Frame.overhead + body.length", "unread += body.length"],
        ["if (isPaused) read()", ""],
        ["isClosed = true\n", "\n"],
        ["        closed.unsafeOpen()\n", ""],
        ["end(Effect.die(bug))", "end(ended)"],
        ["      unlisten()\n", ""],
        ["      end(ended)\n      if", "      if"],
        ["if (sending === undefined) return onWritten(false)\n", "\n"],
        ["unwritten = nothing\n", "\n"],
        ["if (unwritten.length > 0) later", "if (false) later"],
        ["return inbox.isEmpty() ? ended : Effect.void", "return ended"],
        ["return inbox.isEmpty() ? ended : Effect.void", "return Effect.void"],
        ["return isWritten ? Effect.void : writeFailed", "return Effect.void"],
        ['ready ? inbox.take : late("receive")', "inbox.take"],
        ['if (!ready) return late("send")', ""],
        ['if (isWritten === undefined) return late("send")', 'if (isWritten === undefined) return late("receive")']
      ),
      ...inFile(
        "src/layers/net/byteReader.ts",
        ["rest = rest.subarray(count)", "rest = new Uint8Array(0)"],
        ["rest.length === 0 ? socket.take() : taken(rest.length)", "socket.take()"],
        ["hasEnded && rest.length < least", "hasEnded"],
        ["    lookNow()\n", ""]
      ),
      ...inFile(
        "src/layers/brontide/handshake.ts",
        ["    while (!curve.isSecret(Redacted.value(secret))) secret = yield* next\n", ""],
        ["keep(Redacted.make(bytes), Aead.wipe)", "keep(Redacted.make(bytes), () => {})"],
        ["keep(secret, Aead.wipe)", "secret"],
        ["    keep(written[0], Noise.wipe)\n", ""],
        ["keep(next, Noise.wipe)", "next"],
        ['isWritten || resume("unwritten")', "isWritten"],
        ["    yield* onActTwo\n", ""],
        ['peer.alarm(peer.timeout, () => resume("late"))', "() => {}"],
        ["    look()\n    const callOff", "    const callOff"],
        ["readStep(peer, 2, Noise.readActTwo", "readStep(peer, 1, Noise.readActTwo"]
      )
    ]
  }
]

export const keys: ReadonlyArray<Part> = [
  {
    name: "curves",
    quick: ["test/internal/curve.test.ts", "test/layers/wiping.test.ts"],
    thorough: ["test/conformance.test.ts"],
    mutants: [
      ...inFile(
        "src/internal/nobleCurve.ts",
        ['if (!isPoint(point)) return Either.left("BadKey")', ""],
        ["y % 2n === 0n ? 2 : 3", "2"],
        ["wipe(bytes, product)", "wipe(product)"],
        ["wipe(bytes, product)", "wipe(bytes)"],
        ["(number) => Point.Fn.isValid(number)", "() => true"],
        ["Point.Fn.is0(result) ?", "false ?"],
        ["Point.Fn.is0(factor) ?", "false ?"],
        ["sum.is0() ?", "false ?"],
        ["isPoint(point) && secp256k1.verify", "secp256k1.verify"],
        ["lowS: true", "lowS: false"]
      ),
      ...inFile(
        "src/internal/nativeCurve.ts",
        ["bytes.length === 33 &&", ""],
        ["bytes.length === 32 &&", ""],
        ['if (point.length !== 33) return Either.left("BadKey")', ""],
        ["if (isPoint(point)) throw error", "throw error"],
        ["if (isPoint(point)) throw error", ""],
        ["secret.slice(), tweak", "secret, tweak"]
      ),
      ...inFile(
        "src/internal/wasmCurve.ts",
        ["memory.fill(0, secretAt, end)", "memory.fill(0, tweakAt, end)"],
        ["memory.fill(0, secretAt, end)", "memory.fill(0, secretAt, tweakAt)"],
        ["memory.fill(0, secretAt, end)", "memory.fill(0, secretAt, keyAt)"],
        ["if (secret.length !== secretLength) return false", ""],
        ["if (point.length !== pointLength) return false", ""],
        ['if (!putPoint(point)) return Either.left("BadKey")', "putPoint(point)"],
        ["return serialize().slice()", "return serialize()"],
        ["memory.slice(secretAt, tweakAt)", "memory.subarray(secretAt, tweakAt)"],
        ["memory[lengthAt] = pointLength", ""],
        ["const compressed = 0x102", "const compressed = 0x2"]
      )
    ]
  },
  {
    name: "hd",
    quick: ["test/internal/extendedKeys.test.ts", "test/layers/HdKeyRing.test.ts", "test/layers/wiping.test.ts"],
    thorough: ["test/conformance.test.ts"],
    mutants: [
      ...inFile(
        "src/internal/hd.ts",
        [".index + 0x8000_0000", ".index + 0x4000_0000"],
        ["  Bytes.wipe(secret, chainCode)\n", ""],
        ["if (curve.isSecret(secret)) {", "if (true) {"],
        ["    Bytes.wipe(chainCode)\n", ""],
        ["if (parent !== from) wipe(parent)", ""],
        ["if (parent !== from) wipe(parent)", "wipe(parent)"],
        ["Bytes.wipe(key.secret, key.chainCode)", "Bytes.wipe(key.secret)"],
        ["Bytes.wipe(key.secret, key.chainCode)", "Bytes.wipe(key.chainCode)"],
        ["Bytes.wipe(data, tweak)", "Bytes.wipe(data)"],
        ["Bytes.wipe(data, tweak)", "Bytes.wipe(tweak)"],
        ["if (Either.isLeft(secret)) Bytes.wipe(chainCode)", ""],
        ["parent.short ? parent.secret.findIndex((byte) => byte !== 0) : 0", "0"],
        [
          "parent.short ? parent.secret.findIndex((byte) => byte !== 0) : 0",
          "parent.secret.findIndex((byte) => byte !== 0)"
        ],
        ["data.set(parent.secret.subarray(zeros), 1)", "data.set(parent.secret.subarray(zeros), 1 + zeros)"],
        ["  Bytes.wipe(both)\n", ""]
      ),
      ...inFile(
        "src/internal/extendedKeyText.ts",
        ["bytes.length !== 78", "bytes.length < 78"],
        ["bytes[45] !== 0", "false"],
        ['mainnet: false, prefix: "tprv", version: 0x04358394', 'mainnet: true, prefix: "tprv", version: 0x04358394'],
        ['mainnet: true, prefix: "dprv"', 'mainnet: false, prefix: "dprv"'],
        ["version: 0x0420b903", "version: 0x0420b900"],
        ["bytes.slice(13, 45)", "bytes.slice(12, 44)"]
      ),
      ...inFile(
        "src/layers/keys/sharedKey.ts",
        ["seed.length < 16", "seed.length < 17"],
        ["seed.length > 64", "seed.length >= 64"],
        ["seed.length > 64", "false"],
        ["chain !== onChain.name", "false"],
        ['mainnet !== (onChain.network === "mainnet")', "false"],
        ["Hd.childNumber(level) !== parsed.childNumber", "false"],
        ["level === undefined ||", "level !== undefined &&"],
        ["if (path.length > 0) Hd.wipe(key)", ""],
        ["if (path.length > 0) Hd.wipe(key)", "Hd.wipe(key)"],
        ["path.slice(parsed.depth)", "path"]
      ),
      ...inFile(
        "src/layers/keys/paths.ts",
        [
          "family: (family) => [Hd.hardenedShort(1017), Hd.hardened(family)]",
          "family: (family) => [Hd.hardened(1017), Hd.hardened(family)]"
        ],
        ["[Hd.hardenedShort(1017), Hd.hardened(coinType)]", "[Hd.hardened(1017), Hd.hardened(coinType)]"],
        ["Hd.hardened(coinType), Hd.hardened(account)]", "Hd.hardened(coinType), Hd.hardened(0)]"]
      ),
      ...inFile(
        "src/layers/HdKeyRing.ts",
        ["(key) => Effect.sync(() => Hd.wipe(key))", "() => Effect.void"],
        ["if (last !== undefined) Hd.wipe(last.key)\n", "\n"],
        ["        open = false\n", ""],
        ["        forget()\n", ""],
        ["      forget()\n      return", "      return"],
        ["      secret.right.fill(0)\n", ""],
        ["return open && ahead !== undefined &&", "return ahead !== undefined &&"],
        ["derived !== undefined && isSame(derived, locator)", "true"],
        ["index: index + 1", "index"],
        ["settings.legacyCoinType ?", "false ?"],
        ["value <= maxKeyIndex", "value < maxKeyIndex"],
        ["value >= 0 &&", "value > 0 &&"],
        ["Number.isInteger(value) &&", ""],
        ["!isChildIndex(family) ||", ""],
        ["parseRoot(text.trim())", "parseRoot(text)"]
      )
    ]
  },
  {
    name: "key file",
    quick: ["test/layers/KeyFile.test.ts"],
    thorough: ["test/cli", "test/layers/NodeWatchtower.test.ts"],
    mutants: [
      ...inFile(
        "src/layers/KeyFile.ts",
        ["(seed === undefined) === (extendedKey === undefined)", "seed === undefined && extendedKey === undefined"],
        ['error.reason === "Missing"\n', "false\n"],
        ['({ reason }) => reason === "Missing"', "() => true"],
        ['({ reason }) => reason === "Exists"', "() => false"],
        ["Redacted.value(text).trim()", "Redacted.value(text)"],
        ["Schema.between(0, 0x7fff_ffff)", "Schema.between(0, 0xffff_ffff)"],
        ["layout === undefined ? [] :", "true ? [] :"],
        ["legacyCoinType === undefined ? [] :", "true ? [] :"],
        ["account === undefined ? [] :", "true ? [] :"],
        ['refuse(from, "NoSeed")', "refuse(from)"]
      ),
      ...inFile(
        "src/internal/keyText.ts",
        ["found < 1", "found < 0"],
        ["found > version", "found >= version"],
        ["found > version", "false"],
        ["|| fields.has(name)", ""],
        ["at + 2", "at + 1"],
        ['|| line.startsWith("#")', ""],
        ["line.slice(colon + 1).trim()", "line.slice(colon + 1)"],
        ["{16,64}$/", "{16,65}$/"],
        ["{16,64}$/", "{15,64}$/"],
        [
          "text.split(/\\r?\\n/)",
          "text.split(/\\n/)",
          "what is behind a version or a value is blank, and blanks are cut off"
        ],
        ["if (!first.startsWith(`${format} `))", "if (false)"]
      ),
      ...inFile(
        "src/layers/keys/privateFile.ts",
        ["owner: 0o077", "owner: 0o007"],
        ["owner: 0o077", "owner: 0o070"],
        ["group: 0o007", "group: 0"],
        ["group: 0o007", "group: 0o077"],
        ['(yield* fs.stat(path)).type !== "File"', "false"],
        ['if (type !== "File")', "if (false)"],
        ["bytes.length > longest ?", "false ?"],
        ["bytes.length > longest ?", "bytes.length >= longest ?"],
        ["(bytes) => bytes.length <= longest", "() => true"],
        ["(bytes, chunk) => concat(bytes, chunk)", "(_, chunk) => chunk"],
        ["file.readAlloc(longest)", "file.readAlloc(2 ** 30)"],
        ["mode: 0o700", "mode: 0o755"],
        ["    yield* syncFolder(fs, parent)\n", ""],
        ['error.reason === "AlreadyExists",\n', "false,\n"],
        ["mode: 0o600", "mode: 0o644"],
        ["      yield* file.sync\n", ""],
        ["fs.link(draft, path)", "fs.rename(draft, path)"],
        [".pipe(Effect.ensuring(Effect.ignore(fs.remove(draft))))", ""],
        ["syncFolder(fs, Path.dirname(path))", "Effect.void"],
        ["() => Effect.ignore(fs.remove(path))", "() => Effect.void"],
        ["Effect.uninterruptible, ", ""]
      )
    ]
  }
]
