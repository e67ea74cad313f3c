package main

import (
	"fmt"
	"net"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btclog/v2"
	"github.com/lightningnetwork/lnd/brontide"
	"github.com/lightningnetwork/lnd/chainntnfs"
	"github.com/lightningnetwork/lnd/channeldb"
	"github.com/lightningnetwork/lnd/keychain"
	"github.com/lightningnetwork/lnd/lnwallet/chainfee"
	"github.com/lightningnetwork/lnd/lnwire"
	"github.com/lightningnetwork/lnd/subscribe"
	"github.com/lightningnetwork/lnd/tor"
	"github.com/lightningnetwork/lnd/watchtower/blob"
	"github.com/lightningnetwork/lnd/watchtower/wtclient"
	"github.com/lightningnetwork/lnd/watchtower/wtdb"
	"github.com/lightningnetwork/lnd/watchtower/wtpolicy"
	"github.com/lightningnetwork/lnd/watchtower/wtserver"
)

func init() {
	commands["client"] = runClient
}

// runClient runs the daemon's client, one for each blob type over one
// database. It asks for a session of each type as soon as it has a tower.
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
	if flags.tower != "" {
		address, err := parseURI(flags.tower)
		if err != nil {
			return err
		}
		if _, err := db.CreateTower(address); err != nil {
			return err
		}
	}
	policies := []wtpolicy.Policy{}
	for _, blobType := range flags.blobTypes {
		policy := wtpolicy.DefaultPolicy()
		policy.BlobType = blob.Type(blobType)
		policy.MaxUpdates = uint16(flags.maxUpdates)
		if flags.feeRate != 0 {
			policy.SweepFeeRate = chainfee.SatPerKWeight(flags.feeRate)
		}
		policies = append(policies, policy)
	}
	log := btclog.NewSLogger(btclog.NewDefaultHandler(takenUp{}))
	log.SetLevel(btclog.LevelDebug)
	wtclient.UseLogger(log)
	channel := newAnchorsChannel()
	confirmed := &acks{}
	client, err := wtclient.NewManager(&wtclient.Config{
		SubscribeChannelEvents: func() (subscribe.Subscription, error) { return noEvents{}, nil },
		FetchClosedChannel: func(lnwire.ChannelID) (*channeldb.ChannelCloseSummary, error) {
			return nil, channeldb.ErrClosedChannelNotFound
		},
		ChainNotifier: noNotifier{},
		// A wallet's script: P2WPKH.
		NewAddress:             func() ([]byte, error) { return append([]byte{0, 20}, make([]byte, 20)...), nil },
		BuildBreachRetribution: channel.retribution,
		Signer:                 channel.signer,
		SecretKeyRing:          keyRing{seed: flags.seed},
		Dial:                   net.DialTimeout,
		AuthDial:               dialTower,
		DB:                     tellingDB{db, confirmed},
		ChainHash:              *network.GenesisHash,
		MinBackoff:             50 * time.Millisecond,
		MaxBackoff:             time.Second,
		SessionCloseRange:      wtclient.DefaultSessionCloseRange,
		MaxTasksInMemQueue:     wtclient.DefaultMaxTasksInMemQueue,
	}, policies...)
	if err != nil {
		return err
	}
	stored, err := storedSessions(db)
	if err != nil {
		return err
	}
	sayEvent("ready", map[string]any{"version": version, "sessions": stored})
	if err := client.Start(); err != nil {
		return err
	}
	defer client.Stop()
	return serve(map[string]verb{
		"sessions": func([]byte) (any, error) { return storedSessions(db) },
		"acquired": func([]byte) (any, error) { return client.Stats().NumSessionsAcquired, nil },
		"backUp":   func(line []byte) (any, error) { return channel.backUp(client, confirmed, line) },
	})
}

func dialTower(local keychain.SingleKeyECDH, address *lnwire.NetAddress, dial tor.DialFunc) (wtserver.Peer, error) {
	return brontide.Dial(local, address, 5*time.Second, dial)
}

// tellingDB is the client's database, which also says when a session is stored,
// and counts confirmed updates.
type tellingDB struct {
	*wtdb.ClientDB
	acks *acks
}

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

func (k keyRing) private(locator keychain.KeyLocator) *btcec.PrivateKey {
	private, _ := btcec.PrivKeyFromBytes(privateKey(k.seed, uint32(locator.Family), locator.Index))
	return private
}

func (k keyRing) DeriveKey(locator keychain.KeyLocator) (keychain.KeyDescriptor, error) {
	return keychain.KeyDescriptor{KeyLocator: locator, PubKey: k.private(locator).PubKey()}, nil
}

func (k keyRing) ECDH(descriptor keychain.KeyDescriptor, public *btcec.PublicKey) ([32]byte, error) {
	return (&keychain.PrivKeyECDH{PrivKey: k.private(descriptor.KeyLocator)}).ECDH(public)
}

// noNotifier is a chain without blocks. The client asks for nothing else.
type noNotifier struct{ chainntnfs.ChainNotifier }

func (noNotifier) RegisterBlockEpochNtfn(*chainntnfs.BlockEpoch) (*chainntnfs.BlockEpochEvent, error) {
	return &chainntnfs.BlockEpochEvent{
		Epochs: make(chan *chainntnfs.BlockEpoch),
		Cancel: func() {},
	}, nil
}

// noEvents is a node without channels.
type noEvents struct{}

func (noEvents) Updates() <-chan any   { return nil }
func (noEvents) Quit() <-chan struct{} { return nil }
func (noEvents) Cancel()               {}
