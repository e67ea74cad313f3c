package main

import (
	"github.com/lightningnetwork/lnd/brontide"
	"github.com/lightningnetwork/lnd/keychain"
)

const version = "lnd v0.17.5-beta"

func listen(key keychain.SingleKeyECDH, address string) (*brontide.Listener, error) {
	return brontide.NewListener(key, address)
}
