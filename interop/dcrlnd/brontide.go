package main

import (
	"flag"
	"net"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrlnd/brontide"
	"github.com/decred/dcrlnd/keychain"
	"github.com/decred/dcrlnd/lnwire"
)

func init() {
	commands["listen"] = runListen
	commands["dial"] = runDial
}

func newKey() (keychain.SingleKeyECDH, error) {
	private, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return nil, err
	}
	return &keychain.PrivKeyECDH{PrivKey: private}, nil
}

func parseURI(uri string) (*lnwire.NetAddress, error) {
	key, address, err := splitURI(uri)
	if err != nil {
		return nil, err
	}
	identity, err := secp256k1.ParsePubKey(key)
	if err != nil {
		return nil, err
	}
	return &lnwire.NetAddress{IdentityKey: identity, Address: address}, nil
}

// runListen accepts one brontide connection and exchanges messages over it.
func runListen(args []string) error {
	flags := flag.NewFlagSet("listen", flag.ContinueOnError)
	messages := flags.Int("messages", 10_000, "messages to send and to read")
	seed := flags.Int64("seed", 1, "seed of the messages")
	if err := flags.Parse(args); err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	listener, err := listen(key, "127.0.0.1:0")
	if err != nil {
		return err
	}
	sayEvent("ready", map[string]any{
		"publicKey": hexBytes(key.PubKey().SerializeCompressed()),
		"address":   listener.Addr().String(),
	})
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if err := sayExchange(conn.(messageConn), *messages, *seed); err != nil {
			sayEvent("failed", err.Error())
		}
	}()
	return serve(nil)
}

// runDial opens one brontide connection and exchanges messages over it.
func runDial(args []string) error {
	flags := flag.NewFlagSet("dial", flag.ContinueOnError)
	messages := flags.Int("messages", 10_000, "messages to send and to read")
	seed := flags.Int64("seed", 1, "seed of the messages")
	uri := flags.String("uri", "", "key@host:port of the listener")
	if err := flags.Parse(args); err != nil {
		return err
	}
	address, err := parseURI(*uri)
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	conn, err := brontide.Dial(key, address, 5*time.Second, net.DialTimeout)
	if err != nil {
		return err
	}
	sayEvent("ready", map[string]any{"publicKey": hexBytes(key.PubKey().SerializeCompressed())})
	go func() {
		if err := sayExchange(conn, *messages, *seed); err != nil {
			sayEvent("failed", err.Error())
		}
	}()
	return serve(nil)
}
