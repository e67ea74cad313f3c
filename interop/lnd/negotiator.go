package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"

	"github.com/btcsuite/btclog/v2"
	"github.com/lightningnetwork/lnd/keychain"
	"github.com/lightningnetwork/lnd/lnwire"
	"github.com/lightningnetwork/lnd/watchtower/blob"
	"github.com/lightningnetwork/lnd/watchtower/wtclient"
	"github.com/lightningnetwork/lnd/watchtower/wtdb"
	"github.com/lightningnetwork/lnd/watchtower/wtpolicy"
	"github.com/lightningnetwork/lnd/watchtower/wtserver"
	"github.com/lightningnetwork/lnd/watchtower/wtwire"
)

func init() {
	commands["negotiator"] = runNegotiator
}

// runNegotiator runs the daemon's negotiator alone: it asks one tower for
// sessions, one after the other.
func runNegotiator(args []string) error {
	flags, err := parseClientFlags(args)
	if err != nil {
		return err
	}
	network, ok := networks[flags.network]
	if !ok {
		return fmt.Errorf("unknown network %q", flags.network)
	}
	backend, err := openBolt(flags.dir, "wtclient.db")
	if err != nil {
		return err
	}
	defer backend.Close()
	db, err := wtdb.OpenClientDB(backend)
	if err != nil {
		return err
	}
	address, err := parseURI(flags.tower)
	if err != nil {
		return err
	}
	stored, err := db.CreateTower(address)
	if err != nil {
		return err
	}
	tower, err := wtclient.NewTowerFromDBTower(stored)
	if err != nil {
		return err
	}
	policy := wtpolicy.DefaultPolicy()
	policy.BlobType = blob.Type(flags.blobTypes[0])
	policy.MaxUpdates = uint16(flags.maxUpdates)
	negotiator := newSessionNegotiator(&wtclient.NegotiatorConfig{
		DB:            db,
		SecretKeyRing: keyRing{seed: flags.seed},
		Candidates:    oneCandidate{tower},
		Policy:        policy,
		Dial: func(local keychain.SingleKeyECDH, address *lnwire.NetAddress) (wtserver.Peer, error) {
			return dialTower(local, address, net.DialTimeout)
		},
		SendMessage: sendMessage,
		ReadMessage: readMessage,
		ChainHash:   *network.GenesisHash,
		MinBackoff:  50 * time.Millisecond,
		MaxBackoff:  time.Second,
		Log:         btclog.Disabled,
	})
	if err := startNegotiator(negotiator); err != nil {
		return err
	}
	defer stopNegotiator(negotiator)
	sayEvent("ready", map[string]any{"version": version})
	return serve(map[string]verb{
		"acquire": func(line []byte) (any, error) { return acquire(negotiator, line) },
	})
}

// acquired is what sessions have cost, in milliseconds.
type acquired struct {
	Times   []float64 `json:"times"`
	Elapsed float64   `json:"elapsed"`
	CPU     float64   `json:"cpu"`
}

// acquire asks for sessions, one after the other.
func acquire(negotiator unsafe.Pointer, line []byte) (any, error) {
	var request struct{ Count int }
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	result := acquired{Times: make([]float64, 0, request.Count)}
	cpu, began := processTime(), time.Now()
	for range request.Count {
		from := time.Now()
		requestSession(negotiator)
		<-newSessions(negotiator)
		result.Times = append(result.Times, milliseconds(time.Since(from)))
	}
	result.Elapsed = milliseconds(time.Since(began))
	result.CPU = milliseconds(processTime() - cpu)
	return result, nil
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}

func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// oneCandidate is a list of one tower that never ends: the daemon's own one
// makes the negotiator wait after each round.
type oneCandidate struct{ tower *wtclient.Tower }

func (oneCandidate) AddCandidate(*wtclient.Tower) {}

func (oneCandidate) RemoveCandidate(wtdb.TowerID, net.Addr) error { return nil }

func (oneCandidate) IsActive(wtdb.TowerID) bool { return true }

func (oneCandidate) Reset() error { return nil }

func (c oneCandidate) GetTower(wtdb.TowerID) (*wtclient.Tower, error) { return c.tower, nil }

func (c oneCandidate) Next() (*wtclient.Tower, error) { return c.tower, nil }

// The daemon's negotiator is not exported. An empty assembly file beside this
// one lets functions stand here without a body.

//go:linkname newSessionNegotiator github.com/lightningnetwork/lnd/watchtower/wtclient.newSessionNegotiator
func newSessionNegotiator(*wtclient.NegotiatorConfig) unsafe.Pointer

//go:linkname startNegotiator github.com/lightningnetwork/lnd/watchtower/wtclient.(*sessionNegotiator).Start
func startNegotiator(unsafe.Pointer) error

//go:linkname stopNegotiator github.com/lightningnetwork/lnd/watchtower/wtclient.(*sessionNegotiator).Stop
func stopNegotiator(unsafe.Pointer) error

//go:linkname requestSession github.com/lightningnetwork/lnd/watchtower/wtclient.(*sessionNegotiator).RequestSession
func requestSession(unsafe.Pointer)

//go:linkname newSessions github.com/lightningnetwork/lnd/watchtower/wtclient.(*sessionNegotiator).NewSessions
func newSessions(unsafe.Pointer) <-chan *wtclient.ClientSession

// sendMessage and readMessage do what the daemon's client does, without its log
// (lnd v0.21.2 wtclient/client.go).
func sendMessage(peer wtserver.Peer, message wtwire.Message) error {
	var buffer bytes.Buffer
	if _, err := wtwire.WriteMessage(&buffer, message, 0); err != nil {
		return err
	}
	if err := peer.SetWriteDeadline(time.Now().Add(wtclient.DefaultWriteTimeout)); err != nil {
		return err
	}
	_, err := peer.Write(buffer.Bytes())
	return err
}

func readMessage(peer wtserver.Peer) (wtwire.Message, error) {
	if err := peer.SetReadDeadline(time.Now().Add(wtclient.DefaultReadTimeout)); err != nil {
		return nil, err
	}
	raw, err := peer.ReadNextMessage()
	if err != nil {
		return nil, err
	}
	return wtwire.ReadMessage(bytes.NewReader(raw), 0)
}
