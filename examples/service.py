#!/usr/bin/env python3
"""Talks to `wtclient run`, with nothing but Python's standard library: hands a revoked state of a channel in.

    python3 service.py backup [URL [TOKENFILE]]

registers a channel, asks what has to be signed for a revoked state, signs it, hands the state in, and waits for its copy.

    python3 service.py doctor PUBLICKEY@HOST:PORT [URL [TOKENFILE]]

says what is the matter with a tower; the exit code is 1 where something is.

    python3 service.py id | channel | state | sign

print the parts, for service.sh: the id of the channel, the channel, the state; and with the state and the digests on standard
input, a line each, the state with its signatures.

The channel is made up, and so are its keys: a node has real ones, and signs with its own signer. The curve below is for
reading, not for keys that are worth anything: its time depends on the key.
"""

import hashlib
import json
import os
import secrets
import sys
import urllib.error
import urllib.request

# What a node knows: the channel, and of each state that was revoked its transaction and the keys in it.


def sha256(data):
    return hashlib.sha256(data).digest()


def secret(name):
    return int.from_bytes(sha256(b"effect-watchtower example: " + name.encode()), "big")


REVOCATION_SECRET = secret("revocation key of state 1")
TO_REMOTE_SECRET = secret("payment key")
DELAY_SECRET = secret("their delay key of state 1")
CHANNEL_ID = sha256(b"effect-watchtower example: funding transaction").hex()
CSV_DELAY = 144
HEIGHT = 1


def channel():
    """An anchor channel; justice transactions pay to this P2WPKH script."""
    wallet = sha256(b"effect-watchtower example: wallet")[:20]
    return {"id": CHANNEL_ID, "type": "anchors", "sweepPkScript": "0014" + wallet.hex()}


def state():
    """The other side's commitment transaction, unsigned, and what its scripts were made of (BOLT-3)."""
    revocation, delay, to_remote = (public_key(one) for one in (REVOCATION_SECRET, DELAY_SECRET, TO_REMOTE_SECRET))
    to_local_script = (
        b"\x63\x21" + revocation + b"\x67\x02" + CSV_DELAY.to_bytes(2, "little") + b"\xb2\x75\x21" + delay + b"\x68\xac"
    )
    to_remote_script = b"\x21" + to_remote + b"\xad\x51\xb2"
    transaction = b"".join(
        [
            (2).to_bytes(4, "little"),
            b"\x01" + bytes.fromhex(CHANNEL_ID) + (0).to_bytes(4, "little") + b"\x00" + bytes.fromhex("00000080"),
            b"\x02" + output(390_000, to_remote_script) + output(600_000, to_local_script),
            bytes.fromhex("01000020"),
        ]
    )
    return {
        "channelId": CHANNEL_ID,
        "commitHeight": HEIGHT,
        "commitmentTransaction": transaction.hex(),
        "csvDelay": CSV_DELAY,
        "keys": {"revocation": revocation.hex(), "localDelay": delay.hex(), "toRemote": to_remote.hex()},
    }


def output(satoshi, script):
    """An output that pays to a script's hash (P2WSH)."""
    return satoshi.to_bytes(8, "little") + b"\x22\x00\x20" + sha256(script)


def signed(digests):
    """A signature for each digest, under the name of its output: r and s as 128 hex digits."""
    keys = {"toLocal": REVOCATION_SECRET, "toRemote": TO_REMOTE_SECRET}
    return {one["role"]: sign(keys[one["role"]], bytes.fromhex(one["digest"])).hex() for one in digests}


# ECDSA on secp256k1.

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(one, other):
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(point, factor):
    product = None
    while factor:
        if factor & 1:
            product = add(product, point)
        point = add(point, point)
        factor >>= 1
    return product


def public_key(key):
    x, y = multiply(G, key)
    return bytes([2 + y % 2]) + x.to_bytes(32, "big")


def sign(key, digest):
    nonce = secrets.randbelow(N - 1) + 1
    r = multiply(G, nonce)[0] % N
    s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * key) % N
    # Towers put the signature into a transaction, where only the lower of the two that hold is relayed.
    return r.to_bytes(32, "big") + min(s, N - s).to_bytes(32, "big")


# The service.


def ask(url, token, path, body=None, seconds=30):
    request = urllib.request.Request(
        url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        # Each error of the service has a sentence that says what is wrong and what to do.
        sys.exit(f"{error.code}: {json.load(error)['message']}")


def backup(url, token):
    ask(url, token, "/v1/channels", channel())
    digests = ask(url, token, "/v1/backups/digests", state())["digests"]
    taken = ask(url, token, "/v1/backups", {**state(), "signatures": signed(digests)})
    print(f"state {taken['commitHeight']} of channel {taken['channelId']} is taken in")
    progress = ask(url, token, f"/v1/backups/{CHANNEL_ID}/{HEIGHT}?wait=25")
    print("a tower has its copy" if progress["missing"] == 0 else "no tower has its copy yet; the service goes on trying")


def doctor(url, token, tower):
    # The service looks at a tower for 120 seconds at most.
    found = ask(url, token, "/v1/doctor", {"tower": tower}, seconds=130)
    print("\n".join([*found["lines"], found["verdict"]]))
    sys.exit(0 if found["fault"] == "none" else 1)


def service(url="http://127.0.0.1:9912", token_file="~/.wtclient/bitcoin/regtest/token"):
    with open(os.path.expanduser(token_file)) as file:
        return url, file.read().strip()


def main(command, *arguments):
    if command == "backup":
        backup(*service(*arguments))
    elif command == "doctor":
        tower, *where = arguments
        doctor(*service(*where), tower)
    elif command == "sign":
        given, digests = (json.loads(line) for line in sys.stdin)
        print(json.dumps({**given, "signatures": signed(digests["digests"])}))
    else:
        parts = {"id": lambda: CHANNEL_ID, "channel": lambda: json.dumps(channel()), "state": lambda: json.dumps(state())}
        print(parts[command]())


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["backup"]))
