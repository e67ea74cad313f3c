package main

import (
	"fmt"
	"net"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrlnd/brontide"
	"github.com/decred/dcrlnd/keychain"
	"github.com/decred/dcrlnd/lnwallet/chainfee"
	"github.com/decred/dcrlnd/lnwire"
	"github.com/decred/dcrlnd/tor"
	"github.com/decred/dcrlnd/watchtower/blob"
	"github.com/decred/dcrlnd/watchtower/wtclient"
	"github.com/decred/dcrlnd/watchtower/wtdb"
	"github.com/decred/dcrlnd/watchtower/wtpolicy"
	"github.com/decred/dcrlnd/watchtower/wtserver"
	"github.com/decred/slog"
)

func init() {
	commands["client"] = runClient
}

// runClient runs the daemon's client, one for each blob type over one
// database. Each asks for a session as soon as it has a tower.
func runClient(args []string) error {
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
	wtclient.UseLogger(logger())
	stored, err := storedSessions(db)
	if err != nil {
		return err
	}
	sayEvent("ready", map[string]any{"version": version, "sessions": stored})
	clients := []*wtclient.TowerClient{}
	for _, blobType := range flags.blobTypes {
		policy := wtpolicy.DefaultPolicy()
		policy.BlobType = blob.Type(blobType)
		policy.MaxUpdates = uint16(flags.maxUpdates)
		if flags.feeRate != 0 {
			policy.SweepFeeRate = chainfee.AtomPerKByte(flags.feeRate)
		}
		client, err := wtclient.New(&wtclient.Config{
			NewAddress:     func() ([]byte, error) { return make([]byte, 25), nil },
			SecretKeyRing:  keyRing{seed: flags.seed},
			Dial:           net.DialTimeout,
			AuthDial:       dialTower,
			DB:             tellingDB{db},
			Policy:         policy,
			ChainHash:      network.GenesisHash,
			ChainParams:    network,
			ForceQuitDelay: time.Second,
			MinBackoff:     50 * time.Millisecond,
			MaxBackoff:     time.Second,
		})
		if err != nil {
			return err
		}
		if err := client.Start(); err != nil {
			return err
		}
		defer client.ForceQuit()
		clients = append(clients, client)
	}
	if flags.tower != "" {
		if err := addTower(clients, flags.tower); err != nil {
			return err
		}
	}
	return serve(map[string]verb{
		"sessions": func([]byte) (any, error) { return storedSessions(db) },
		"acquired": func([]byte) (any, error) {
			acquired := 0
			for _, client := range clients {
				acquired += client.Stats().NumSessionsAcquired
			}
			return acquired, nil
		},
	})
}

// addTower adds a tower to running clients: they forget at every start the
// towers that never gave a session.
func addTower(clients []*wtclient.TowerClient, uri string) error {
	address, err := parseURI(uri)
	if err != nil {
		return err
	}
	for _, client := range clients {
		if err := client.AddTower(address); err != nil {
			return err
		}
	}
	return nil
}

// logger gives the client's log to takenUp.
func logger() slog.Logger {
	log := slog.NewBackend(takenUp{}).Logger("WTCL")
	log.SetLevel(slog.LevelDebug)
	return log
}

func dialTower(local keychain.SingleKeyECDH, address *lnwire.NetAddress, dial tor.DialFunc) (wtserver.Peer, error) {
	return brontide.Dial(local, address, 5*time.Second, dial)
}

// tellingDB is the client's database, which also says when a session is stored.
type tellingDB struct{ *wtdb.ClientDB }

func (db tellingDB) CreateClientSession(session *wtdb.ClientSession) error {
	if err := db.ClientDB.CreateClientSession(session); err != nil {
		return err
	}
	sayEvent("session", describe(session))
	return nil
}

func storedSessions(db *wtdb.ClientDB) ([]clientSession, error) {
	stored, err := db.ListClientSessions(nil)
	if err != nil {
		return nil, err
	}
	described := []clientSession{}
	for _, session := range stored {
		described = append(described, describe(session))
	}
	return described, nil
}

func describe(s *wtdb.ClientSession) clientSession {
	return clientSession{
		ID:           s.ID[:],
		TowerID:      uint64(s.TowerID),
		KeyIndex:     s.KeyIndex,
		BlobType:     uint16(s.Policy.BlobType),
		MaxUpdates:   s.Policy.MaxUpdates,
		RewardBase:   s.Policy.RewardBase,
		RewardRate:   s.Policy.RewardRate,
		SweepFeeRate: uint64(s.Policy.SweepFeeRate),
		RewardScript: s.RewardPkScript,
		SeqNum:       s.SeqNum,
		LastApplied:  s.TowerLastApplied,
	}
}

// keyRing derives session keys from a seed.
type keyRing struct{ seed string }

func (k keyRing) private(locator keychain.KeyLocator) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(privateKey(k.seed, uint32(locator.Family), locator.Index))
}

func (k keyRing) DeriveKey(locator keychain.KeyLocator) (keychain.KeyDescriptor, error) {
	return keychain.KeyDescriptor{KeyLocator: locator, PubKey: k.private(locator).PubKey()}, nil
}

func (k keyRing) ECDH(descriptor keychain.KeyDescriptor, public *secp256k1.PublicKey) ([32]byte, error) {
	return (&keychain.PrivKeyECDH{PrivKey: k.private(descriptor.KeyLocator)}).ECDH(public)
}
