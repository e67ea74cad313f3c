package main

import (
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/lightningnetwork/lnd/brontide"
	"github.com/lightningnetwork/lnd/keychain"
)

const version = "lnd v0.21.2-beta"

func init() {
	networks["testnet4"] = &chaincfg.TestNet4Params
}

func listen(key keychain.SingleKeyECDH, address string) (*brontide.Listener, error) {
	return brontide.NewListener(key, address, brontide.DisabledBanClosure)
}
