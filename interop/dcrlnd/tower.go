package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrlnd/keychain"
	"github.com/decred/dcrlnd/kvdb"
	"github.com/decred/dcrlnd/watchtower"
	"github.com/decred/dcrlnd/watchtower/blob"
	"github.com/decred/dcrlnd/watchtower/wtdb"
	"github.com/decred/dcrlnd/watchtower/wtserver"
)

func init() {
	commands["tower"] = runTower
}

var networks = map[string]*chaincfg.Params{
	"mainnet":  chaincfg.MainNetParams(),
	"testnet3": chaincfg.TestNet3Params(),
	"simnet":   chaincfg.SimNetParams(),
	"regnet":   chaincfg.RegNetParams(),
}

// How a tower treats CreateSession.
const (
	// modeStandalone is the tower as the daemon runs it.
	modeStandalone = "standalone"
	// modeSilent stores the session and never replies.
	modeSilent = "silent"
	// modeReward allows reward sessions, which the daemon does not.
	modeReward = "reward"
)

// tower is one tower and its database, running or stopped.
type tower struct {
	dir     string
	mode    string
	network *chaincfg.Params
	address string
	key     *keychain.PrivKeyECDH
	chain   *chain

	db      *wtdb.TowerDB
	backend kvdb.Backend
	server  interface {
		Start() error
		Stop() error
	}
}

func runTower(args []string) error {
	flags := flag.NewFlagSet("tower", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder of the database")
	mode := flags.String("mode", modeStandalone, "standalone, silent or reward")
	network := flags.String("network", "regnet", "network whose chain hash is announced")
	address := flags.String("listen", "127.0.0.1:0", "address to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	params, ok := networks[*network]
	if !ok {
		return fmt.Errorf("unknown network %q", *network)
	}
	key, err := towerKey(*dir)
	if err != nil {
		return err
	}
	blocks, err := openChain(*dir, params)
	if err != nil {
		return err
	}
	t := &tower{dir: *dir, mode: *mode, network: params, address: *address, key: key, chain: blocks}
	if err := t.start(); err != nil {
		return err
	}
	sayEvent("ready", map[string]any{
		"version":   version,
		"publicKey": hexBytes(key.PubKey().SerializeCompressed()),
		"address":   t.address,
		"chainHash": hexBytes(params.GenesisHash[:]),
	})
	defer t.stop()
	return serve(map[string]verb{
		"sessions": func([]byte) (any, error) { return t.sessions() },
		"updates":  t.updates,
		"breach":   t.breach,
		"mine":     t.chain.mine,
		"use":      t.use,
		"delete":   t.delete,
		"stop":     func([]byte) (any, error) { return nil, t.stop() },
		"start":    func([]byte) (any, error) { return nil, t.start() },
	})
}

// towerKey is the tower's identity: a random key, kept in its folder.
func towerKey(dir string) (*keychain.PrivKeyECDH, error) {
	file := filepath.Join(dir, "tower.key")
	stored, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		fresh, err := secp256k1.GeneratePrivateKey()
		if err != nil {
			return nil, err
		}
		stored = fresh.Serialize()
		if err := os.WriteFile(file, stored, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return &keychain.PrivKeyECDH{PrivKey: secp256k1.PrivKeyFromBytes(stored)}, nil
}

// start opens the database and listens. A second start listens on the same
// port as the first.
func (t *tower) start() error {
	if t.server != nil {
		return errors.New("already started")
	}
	backend, err := openBolt(t.dir, "watchtower.db")
	if err != nil {
		return err
	}
	db, err := wtdb.OpenTowerDB(backend)
	if err != nil {
		return err
	}
	t.backend, t.db = backend, db
	if t.mode == modeStandalone {
		err = t.startStandalone()
	} else {
		err = t.startServer()
	}
	if err != nil {
		return err
	}
	return t.server.Start()
}

func (t *tower) startStandalone() error {
	listen, err := net.ResolveTCPAddr("tcp", t.address)
	if err != nil {
		return err
	}
	standalone, err := watchtower.New(&watchtower.Config{
		NetParams:      t.network,
		ChainHash:      t.network.GenesisHash,
		BlockFetcher:   t.chain,
		EpochRegistrar: t.chain,
		DB:             t.db,
		NewAddress:     t.rewardAddress,
		NodeKeyECDH:    t.key,
		PublishTx:      t.chain.publish,
		ListenAddrs:    []net.Addr{listen},
	})
	if err != nil {
		return err
	}
	t.server, t.address = standalone, standalone.ListeningAddrs()[0].String()
	return nil
}

// startServer starts the server without the rest of the tower, which fixes the
// two options that these modes need.
func (t *tower) startServer() error {
	listener, err := listen(t.key, t.address)
	if err != nil {
		return err
	}
	server, err := wtserver.New(&wtserver.Config{
		ChainHash:          t.network.GenesisHash,
		DB:                 t.db,
		NodeKeyECDH:        t.key,
		Listeners:          []net.Listener{listener},
		ReadTimeout:        watchtower.DefaultReadTimeout,
		WriteTimeout:       watchtower.DefaultWriteTimeout,
		NewAddress:         t.rewardAddress,
		DisableReward:      t.mode != modeReward,
		NoAckCreateSession: t.mode == modeSilent,
	})
	if err != nil {
		return err
	}
	t.server, t.address = server, listener.Addr().String()
	return nil
}

func (t *tower) stop() error {
	if t.server == nil {
		return errors.New("not started")
	}
	server := t.server
	t.server = nil
	return errors.Join(server.Stop(), t.backend.Close())
}

func (t *tower) rewardAddress() (stdaddr.Address, error) {
	hash := stdaddr.Hash160(t.key.PubKey().SerializeCompressed())
	return stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(hash, t.network)
}

// session is what the tower's database holds of one.
type session struct {
	ID           hexBytes `json:"id"`
	BlobType     uint16   `json:"blobType"`
	MaxUpdates   uint16   `json:"maxUpdates"`
	RewardBase   uint32   `json:"rewardBase"`
	RewardRate   uint32   `json:"rewardRate"`
	SweepFeeRate uint64   `json:"sweepFeeRate"`
	RewardScript hexBytes `json:"rewardScript"`
	LastApplied  uint16   `json:"lastApplied"`
	Encoded      hexBytes `json:"encoded"`
}

// sessions reads the whole bucket, for which the database has no call.
func (t *tower) sessions() ([]session, error) {
	found := []session{}
	err := kvdb.View(t.backend, func(tx kvdb.RTx) error {
		return tx.ReadBucket([]byte("sessions-bucket")).ForEach(func(_, value []byte) error {
			var info wtdb.SessionInfo
			if err := info.Decode(bytes.NewReader(value)); err != nil {
				return err
			}
			found = append(found, session{
				ID:           bytes.Clone(info.ID[:]),
				BlobType:     uint16(info.Policy.BlobType),
				MaxUpdates:   info.Policy.MaxUpdates,
				RewardBase:   info.Policy.RewardBase,
				RewardRate:   info.Policy.RewardRate,
				SweepFeeRate: uint64(info.Policy.SweepFeeRate),
				RewardScript: info.RewardAddress,
				LastApplied:  info.LastApplied,
				Encoded:      bytes.Clone(value),
			})
			return nil
		})
	}, func() { found = found[:0] })
	return found, err
}

// update is one that the tower has stored.
type update struct {
	ID            hexBytes `json:"id"`
	SeqNum        uint16   `json:"seqNum"`
	Hint          hexBytes `json:"hint"`
	EncryptedBlob hexBytes `json:"encryptedBlob"`
}

// updates asks the database as the lookout does: for the hints of transactions.
func (t *tower) updates(request []byte) (any, error) {
	var body struct{ Hints []hexBytes }
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, err
	}
	hints := make([]blob.BreachHint, len(body.Hints))
	for i, hint := range body.Hints {
		copy(hints[i][:], hint)
	}
	matches, err := t.db.QueryMatches(hints)
	if err != nil {
		return nil, err
	}
	found := []update{}
	for _, match := range matches {
		found = append(found, update{
			ID:            match.ID[:],
			SeqNum:        match.SeqNum,
			Hint:          match.Hint[:],
			EncryptedBlob: match.EncryptedBlob,
		})
	}
	return found, nil
}

// use stores state updates in a session, as a client that backed up would have.
func (t *tower) use(request []byte) (any, error) {
	var body struct {
		ID      hexBytes
		Updates uint16
	}
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, err
	}
	var id wtdb.SessionID
	copy(id[:], body.ID)
	info, err := t.db.GetSessionInfo(&id)
	if err != nil {
		return nil, err
	}
	last := info.LastApplied
	for range body.Updates {
		update := &wtdb.SessionStateUpdate{
			ID:            id,
			SeqNum:        last + 1,
			LastApplied:   last,
			EncryptedBlob: make([]byte, blob.Size(info.Policy.BlobType)),
		}
		copy(update.Hint[:], id[1:])
		update.Hint[0] = byte(last >> 8)
		update.Hint[1] = byte(last)
		if last, err = t.db.InsertStateUpdate(update); err != nil {
			return nil, err
		}
	}
	return last, nil
}

func (t *tower) delete(request []byte) (any, error) {
	var body struct{ ID hexBytes }
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, err
	}
	var id wtdb.SessionID
	copy(id[:], body.ID)
	return nil, t.db.DeleteSession(id)
}

func openBolt(dir, file string) (kvdb.Backend, error) {
	return wtdb.NewBoltBackendCreator(true, dir, file)(&kvdb.BoltConfig{DBTimeout: 5 * time.Second})
}
