package main

import (
	"crypto/sha256"
	"encoding/json"
	"sync/atomic"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
	"github.com/lightningnetwork/lnd/channeldb"
	"github.com/lightningnetwork/lnd/input"
	"github.com/lightningnetwork/lnd/keychain"
	"github.com/lightningnetwork/lnd/lnwallet"
	"github.com/lightningnetwork/lnd/lnwire"
	"github.com/lightningnetwork/lnd/watchtower/wtclient"
	"github.com/lightningnetwork/lnd/watchtower/wtdb"
	"github.com/lightningnetwork/lnd/watchtower/wtmock"
)

// anchorsType is a channel with anchors, whose to_remote output has a script.
const anchorsType = channeldb.SingleFunderTweaklessBit | channeldb.AnchorOutputsBit

const csvDelay = 144

// anchorsChannel is a channel of which each commitment differs by its lock time
// alone.
type anchorsChannel struct {
	id                          lnwire.ChannelID
	signer                      *wtmock.MockSigner
	revocation, delay, toRemote *btcec.PublicKey
	revocationKey, toRemoteKey  keychain.KeyLocator
}

func newAnchorsChannel() *anchorsChannel {
	channel := &anchorsChannel{signer: wtmock.NewMockSigner()}
	key := func(name string) (*btcec.PublicKey, keychain.KeyLocator) {
		secret := sha256.Sum256([]byte(name))
		private, public := btcec.PrivKeyFromBytes(secret[:])
		return public, channel.signer.AddPrivKey(private)
	}
	channel.id[0] = 1
	channel.revocation, channel.revocationKey = key("revocation")
	channel.delay, _ = key("delay")
	channel.toRemote, channel.toRemoteKey = key("to_remote")
	return channel
}

// retribution is what lnd knows of a revoked commitment.
func (c *anchorsChannel) retribution(_ lnwire.ChannelID, height uint64) (
	*lnwallet.BreachRetribution, channeldb.ChannelType, error) {

	commitment := wire.NewMsgTx(2)
	commitment.LockTime = uint32(height)
	output := func(value int64, script []byte) (*wire.TxOut, error) {
		hash, err := input.WitnessScriptHash(script)
		if err != nil {
			return nil, err
		}
		out := wire.NewTxOut(value, hash)
		commitment.AddTxOut(out)
		return out, nil
	}
	sign := func(key keychain.KeyLocator, public *btcec.PublicKey, script []byte,
		out *wire.TxOut) *input.SignDescriptor {

		return &input.SignDescriptor{
			KeyDesc:       keychain.KeyDescriptor{KeyLocator: key, PubKey: public},
			WitnessScript: script,
			Output:        out,
			HashType:      txscript.SigHashAll,
		}
	}
	toLocalScript, err := input.CommitScriptToSelf(csvDelay, c.delay, c.revocation)
	if err != nil {
		return nil, 0, err
	}
	toRemoteScript, err := input.CommitScriptToRemoteConfirmed(c.toRemote)
	if err != nil {
		return nil, 0, err
	}
	toLocal, err := output(600_000, toLocalScript)
	if err != nil {
		return nil, 0, err
	}
	toRemote, err := output(390_000, toRemoteScript)
	if err != nil {
		return nil, 0, err
	}
	txid := commitment.TxHash()
	return &lnwallet.BreachRetribution{
		BreachTxHash:    txid,
		RevokedStateNum: height,
		KeyRing: &lnwallet.CommitmentKeyRing{
			RevocationKey: c.revocation,
			ToLocalKey:    c.delay,
			ToRemoteKey:   c.toRemote,
		},
		RemoteDelay:          csvDelay,
		RemoteOutpoint:       wire.OutPoint{Hash: txid, Index: 0},
		RemoteOutputSignDesc: sign(c.revocationKey, c.revocation, toLocalScript, toLocal),
		LocalOutpoint:        wire.OutPoint{Hash: txid, Index: 1},
		LocalOutputSignDesc:  sign(c.toRemoteKey, c.toRemote, toRemoteScript, toRemote),
	}, anchorsType, nil
}

// backUp hands in the states from the first height on, and returns when the
// tower has confirmed all of them.
func (c *anchorsChannel) backUp(client *wtclient.Manager, acks *acks, line []byte) (any, error) {
	var request struct {
		First, Count uint64
	}
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	if err := client.RegisterChannel(c.id, anchorsType); err != nil {
		return nil, err
	}
	done := acks.after(request.Count)
	for n := uint64(0); n < request.Count; n++ {
		if err := client.BackupState(&c.id, request.First+n); err != nil {
			return nil, err
		}
	}
	<-done
	return request.Count, nil
}

// acks counts confirmed updates.
type acks struct {
	left atomic.Int64
	done chan struct{}
}

// after is closed when as many more updates are confirmed.
func (a *acks) after(count uint64) <-chan struct{} {
	a.done = make(chan struct{})
	a.left.Store(int64(count))
	return a.done
}

func (db tellingDB) AckUpdate(id *wtdb.SessionID, seqNum, lastApplied uint16) error {
	if err := db.ClientDB.AckUpdate(id, seqNum, lastApplied); err != nil {
		return err
	}
	if db.acks.left.Add(-1) == 0 {
		close(db.acks.done)
	}
	return nil
}
