package main

import (
	"github.com/decred/dcrlnd/brontide"
	"github.com/decred/dcrlnd/keychain"
)

const version = "dcrlnd v0.8.1"

func listen(key keychain.SingleKeyECDH, address string) (*brontide.Listener, error) {
	return brontide.NewListener(key, address)
}
