#!/bin/sh
# Hands a revoked state of a channel to `wtclient run`, with curl.
#
#     sh service.sh [URL [TOKENFILE]]
#
# What a node does (its channel, its state, its signatures) is done by service.py beside this file.
set -eu

url=${1:-http://127.0.0.1:9912}
token_file=${2:-$HOME/.wtclient/bitcoin/regtest/token}

node() {
  python3 "$(dirname "$0")/service.py" "$@"
}

# The token comes to curl in a file of settings: all accounts of a machine can read the words of a command.
ask() {
  path=$1
  shift
  curl --silent --show-error --fail-with-body --max-time 30 --config /dev/fd/3 "$@" "$url$path" 3<<SETTINGS
header = "Authorization: Bearer $(cat "$token_file")"
header = "Content-Type: application/json"
SETTINGS
  echo
}

echo "1. The channel"
ask /v1/channels --data "$(node channel)"

echo "2. What has to be signed for its revoked state"
digests=$(ask /v1/backups/digests --data "$(node state)")
echo "$digests"

echo "3. The state with its signatures"
signed=$(printf '%s\n%s\n' "$(node state)" "$digests" | node sign)
ask /v1/backups --data "$signed"

echo "4. How many states up to this one miss copies"
ask "/v1/backups/$(node id)/1?wait=25"
