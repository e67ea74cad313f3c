import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { compare, fromHex, toHex } from "../../src/internal/bytes.js"
import type { Curve } from "../../src/internal/curve.js"
import * as NativeCurve from "../../src/internal/nativeCurve.js"
import { nobleCurve } from "../../src/internal/nobleCurve.js"
import * as WasmCurve from "../../src/internal/wasmCurve.js"

const wasmCurve = WasmCurve.make()
const nativeCurve = NativeCurve.make()
const curves: ReadonlyArray<readonly [string, Curve]> = [nobleCurve, wasmCurve, nativeCurve].map((curve) => [
  curve.name,
  curve
])

const initiator = fromHex("11".repeat(32))
const responder = fromHex("21".repeat(32))
const order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
/** The order and a small number. */
const orderAnd = (n: number) => fromHex((BigInt(`0x${order}`) + BigInt(n)).toString(16).padStart(64, "0"))
const small = (n: number) => fromHex(n.toString(16).padStart(64, "0"))

describe.each(curves)("the curve by %s", (_, curve) => {
  it("derives the public keys of BOLT-8", () => {
    assert.strictEqual(
      toHex(curve.publicKey(initiator)),
      "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
    )
    assert.strictEqual(
      toHex(curve.publicKey(responder)),
      "028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7"
    )
  })

  it("answers the same however often it is asked about a point, and after others", () => {
    const [ours, theirs] = [small(2), small(3)]
    const point = curve.publicKey(theirs)
    const expected = curve.ecdh(theirs, curve.publicKey(ours))
    for (let times = 0; times < 6; times++) assert.deepStrictEqual(curve.ecdh(ours, point), expected)
    for (let other = 10; other < 30; other++) curve.ecdh(ours, curve.publicKey(small(other)))
    for (let times = 0; times < 4; times++) assert.deepStrictEqual(curve.ecdh(ours, point), expected)
  })

  it("hashes the compressed product", () => {
    const es = curve.ecdh(fromHex("12".repeat(32)), curve.publicKey(responder))
    assert.deepStrictEqual(
      Either.map(es, toHex),
      Either.right("1e2fb3c8fe8fb9f262f649f64d26ecf0f2c0a805a767cf02dc2d77a6ef1fdcc3")
    )
  })

  it("agrees from both sides", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.uint8Array({ minLength: 32, maxLength: 32 }).filter(curve.isSecret),
        FastCheck.uint8Array({ minLength: 32, maxLength: 32 }).filter(curve.isSecret),
        (a, b) => {
          assert.deepStrictEqual(curve.ecdh(a, curve.publicKey(b)), curve.ecdh(b, curve.publicKey(a)))
        }
      ),
      { numRuns: 10 }
    )
  })

  const x = "8d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7"
  const prime = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
  it.each([
    ["prefix 04", `04${x}`],
    ["prefix 06", `06${x}`],
    ["prefix 07", `07${x}`],
    ["prefix 00", `00${x}`],
    ["x not on the curve", `02${"00".repeat(31)}05`],
    ["x = p", `02${prime}`],
    ["x above p", `02${"ff".repeat(32)}`],
    ["32 bytes", `02${x.slice(2)}`],
    ["34 bytes", `02${x}00`],
    ["65 bytes that are no point", `04${x}${"00".repeat(32)}`],
    ["nothing", ""]
  ])("refuses %s as a point", (_, hex) => {
    assert.isFalse(curve.isPoint(fromHex(hex)))
    assert.deepStrictEqual(curve.ecdh(initiator, fromHex(hex)), Either.left("BadKey"))
  })

  const generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
  const y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

  it.each(["04", "06", "07"])("refuses the long form %s of a point that it takes compressed", (prefix) => {
    assert.isTrue(curve.isPoint(fromHex(`02${generator}`)))
    assert.isFalse(curve.isPoint(fromHex(`${prefix}${generator}${y}`)))
    assert.deepStrictEqual(curve.ecdh(initiator, fromHex(`${prefix}${generator}${y}`)), Either.left("BadKey"))
  })

  it("negates: the order minus a key has the point with the other sign", () => {
    assert.strictEqual(toHex(curve.publicKey(small(1))), `02${generator}`)
    assert.strictEqual(toHex(curve.publicKey(orderAnd(-1))), `03${generator}`)
    assert.notDeepEqual(
      curve.ecdh(small(1), fromHex(`02${generator}`)),
      curve.ecdh(orderAnd(-1), fromHex(`02${generator}`))
    )
  })

  it.each([
    ["zero", small(0)],
    ["the order", orderAnd(0)],
    ["the order and 1", orderAnd(1)],
    ["the highest number", fromHex("ff".repeat(32))],
    ["31 bytes", fromHex("11".repeat(31))],
    ["33 bytes", fromHex("11".repeat(33))],
    ["nothing", new Uint8Array(0)]
  ])("refuses %s as a private key", (_, secret) => {
    assert.isFalse(curve.isSecret(secret))
    assert.throws(() => curve.publicKey(secret))
    assert.throws(() => curve.ecdh(secret, fromHex(`02${generator}`)))
  })

  it("takes 1 and the order minus 1 as private keys", () => {
    assert.isTrue(curve.isSecret(small(1)))
    assert.isTrue(curve.isSecret(orderAnd(-1)))
  })

  it("adds to a private key modulo the order, and leaves its inputs as they are", () => {
    const secret = orderAnd(-1)
    const tweak = small(3)
    assert.deepStrictEqual(Either.map(curve.addToSecret(secret, tweak), toHex), Either.right(toHex(small(2))))
    assert.deepStrictEqual([secret, tweak], [orderAnd(-1), small(3)])
    assert.deepStrictEqual(Either.map(curve.addToSecret(small(7), small(0)), toHex), Either.right(toHex(small(7))))
    assert.deepStrictEqual(curve.addToSecret(small(7), orderAnd(-7)), Either.left("InvalidKey"))
    assert.deepStrictEqual(curve.addToSecret(small(7), orderAnd(0)), Either.left("InvalidKey"))
    assert.deepStrictEqual(curve.addToSecret(small(7), orderAnd(1)), Either.left("InvalidKey"))
  })

  it("multiplies a private key modulo the order, and leaves its inputs as they are", () => {
    const secret = orderAnd(-2)
    const by = small(3)
    assert.deepStrictEqual(Either.map(curve.multiplySecret(secret, by), toHex), Either.right(toHex(orderAnd(-6))))
    assert.deepStrictEqual([secret, by], [orderAnd(-2), small(3)])
    for (const none of [small(0), orderAnd(0), orderAnd(1)]) {
      assert.deepStrictEqual(curve.multiplySecret(small(7), none), Either.left("InvalidKey"))
    }
  })

  it("adds a multiple of the base point to a point", () => {
    const sum = (point: Uint8Array, by: Uint8Array) => Either.map(curve.addToPoint(point, by), toHex)
    assert.deepStrictEqual(sum(curve.publicKey(small(5)), small(2)), Either.right(toHex(curve.publicKey(small(7)))))
    assert.deepStrictEqual(sum(curve.publicKey(small(5)), orderAnd(-6)), Either.right(`03${generator}`))
    assert.deepStrictEqual(sum(curve.publicKey(small(5)), small(0)), Either.right(toHex(curve.publicKey(small(5)))))
    for (const none of [orderAnd(-5), orderAnd(0), orderAnd(1)]) {
      assert.deepStrictEqual(curve.addToPoint(curve.publicKey(small(5)), none), Either.left("InvalidKey"))
    }
    assert.throws(() => curve.addToPoint(fromHex(`02${prime}`), small(1)))
  })

  // Key 1 and SHA-256 of "Satoshi Nakamoto": a vector of the nonces of RFC 6979 that Bitcoin's libraries share.
  const digest = fromHex("a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e")
  const r = "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
  const s = "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"

  it("signs with the nonce of RFC 6979 and a low s, and verifies that", () => {
    assert.strictEqual(toHex(curve.signEcdsa(small(1), digest)), r + s)
    assert.isTrue(curve.verifyEcdsa(fromHex(`02${generator}`), digest, fromHex(r + s)))
    assert.throws(() => curve.signEcdsa(small(0), digest))
    assert.throws(() => curve.signEcdsa(orderAnd(0), digest))
  })

  const highS = (BigInt(`0x${order}`) - BigInt(`0x${s}`)).toString(16).padStart(64, "0")

  it.each([
    ["another point", `03${generator}`, r + s],
    ["a point that is none", `02${prime}`, r + s],
    ["a high s", `02${generator}`, r + highS],
    ["another r", `02${generator}`, s + s],
    ["r as the order", `02${generator}`, order + s],
    ["zeros", `02${generator}`, "00".repeat(64)],
    ["63 bytes", `02${generator}`, (r + s).slice(2)],
    ["65 bytes", `02${generator}`, `${r}${s}00`]
  ])("does not verify a signature with %s", (_, point, signature) => {
    assert.isFalse(curve.verifyEcdsa(fromHex(point), digest, fromHex(signature)))
  })

  it("gives results that are its caller's to overwrite", () => {
    const first = curve.publicKey(initiator)
    first.fill(0)
    assert.isTrue(curve.isPoint(curve.publicKey(initiator)))
  })
})

describe("the curves", () => {
  const bytes = (length: number) => FastCheck.uint8Array({ minLength: length, maxLength: length })
  const secret = FastCheck.oneof(
    { weight: 8, arbitrary: bytes(32) },
    { weight: 1, arbitrary: FastCheck.integer({ min: -3, max: 3 }).map(orderAnd) },
    { weight: 1, arbitrary: FastCheck.integer({ min: 0, max: 3 }).map(small) }
  )
  /** Half of the numbers are the x of a point. */
  const point = FastCheck.oneof(
    { weight: 8, arbitrary: FastCheck.tuple(FastCheck.constantFrom(2, 3), bytes(32)) },
    { weight: 1, arbitrary: FastCheck.tuple(FastCheck.integer({ min: 0, max: 255 }), bytes(32)) }
  ).map(([prefix, x]) => Uint8Array.of(prefix, ...x))

  const answers = (curve: Curve, secret: Uint8Array, point: Uint8Array, tweak: Uint8Array) => {
    const isPoint = curve.isPoint(point)
    const sumOfPoints = isPoint ? curve.addToPoint(point, tweak) : undefined
    if (!curve.isSecret(secret)) return { isPoint, sumOfPoints }
    return {
      isPoint,
      sumOfPoints,
      publicKey: curve.publicKey(secret),
      ecdh: curve.ecdh(secret, point),
      sum: curve.addToSecret(secret, tweak),
      product: curve.multiplySecret(secret, tweak)
    }
  }

  it("answer the same for 10,000 random inputs", () => {
    let n = 0
    let products = 0
    FastCheck.assert(
      FastCheck.property(secret, point, secret, (secret, point, tweak) => {
        const wasm = answers(wasmCurve, secret, point, tweak)
        assert.deepStrictEqual(wasm, answers(nativeCurve, secret, point, tweak))
        if (wasm.ecdh !== undefined && Either.isRight(wasm.ecdh)) products += 1
        // One in 50, since noble takes milliseconds for each.
        n += 1
        if (n % 50 === 0) assert.deepStrictEqual(wasm, answers(nobleCurve, secret, point, tweak))
      }),
      { numRuns: 10_000 }
    )
    assert.isAbove(products, 2000)
  })

  it("make and verify the same signatures for 1,000 random inputs", () => {
    // No number of the order or more: of such a digest, which no hash is, noble and libsecp256k1 make different nonces.
    const digest = bytes(32).filter((one) => compare(one, orderAnd(0)) < 0)
    const signatures = (curve: Curve, secret: Uint8Array, point: Uint8Array, digest: Uint8Array) => {
      const signature = curve.signEcdsa(secret, digest)
      const keys = [curve.publicKey(secret), point]
      return { signature, verified: keys.map((key) => curve.verifyEcdsa(key, digest, signature)) }
    }
    let n = 0
    FastCheck.assert(
      FastCheck.property(secret.filter(nobleCurve.isSecret), point, digest, (...given) => {
        const wasm = signatures(wasmCurve, ...given)
        assert.deepStrictEqual(wasm, signatures(nativeCurve, ...given))
        assert.isTrue(wasm.verified[0])
        n += 1
        if (n % 20 === 0) assert.deepStrictEqual(wasm, signatures(nobleCurve, ...given))
      }),
      { numRuns: 1_000 }
    )
  })
})

declare const WebAssembly: { Memory: new (size: object) => { readonly buffer: ArrayBuffer } }

describe("the memory of the WebAssembly module", () => {
  it("holds no private key, tweak or product when an operation is over", () => {
    const buffers: Array<ArrayBuffer> = []
    const { Memory } = WebAssembly
    WebAssembly.Memory = class extends Memory {
      constructor(size: object) {
        super(size)
        buffers.push(this.buffer)
      }
    }
    const curve = WasmCurve.make()
    WebAssembly.Memory = Memory
    const memory = Buffer.from(buffers[0] ?? new ArrayBuffer(0))
    const secret = fromHex("1f2e3d4c5b6a79880796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f1")
    const tweak = fromHex("0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9")
    const isThere = (bytes: Uint8Array) => memory.includes(Buffer.from(bytes))
    /** As the library keeps numbers: from the lowest byte on. */
    const reversed = (bytes: Uint8Array) => Uint8Array.from(bytes).reverse()
    assert.isAbove(memory.length, 1_000_000)
    const point = curve.publicKey(tweak)
    curve.publicKey(secret)
    curve.ecdh(secret, point)
    const sum = Either.getOrThrow(curve.addToSecret(secret, tweak))
    const product = Either.getOrThrow(curve.multiplySecret(secret, tweak))
    curve.signEcdsa(secret, tweak)
    for (const bytes of [secret, tweak, sum, product]) {
      assert.isFalse(isThere(bytes))
      assert.isFalse(isThere(reversed(bytes)))
    }
    assert.isAbove(compare(sum, secret), 0)
  })
})
