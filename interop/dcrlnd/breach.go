package main

import (
	"bytes"
	"encoding/json"

	"github.com/decred/dcrd/wire"
	"github.com/decred/dcrlnd/watchtower/blob"
	"github.com/decred/dcrlnd/watchtower/lookout"
)

// punishment is what the tower makes of one update: a transaction or an error.
type punishment struct {
	ID          hexBytes `json:"id"`
	SeqNum      uint16   `json:"seqNum"`
	Transaction hexBytes `json:"transaction,omitempty"`
	Error       string   `json:"error,omitempty"`
}

// breach does what the lookout does with a transaction that it finds in a
// block, up to the broadcast.
func (t *tower) breach(request []byte) (any, error) {
	var body struct{ Transaction hexBytes }
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, err
	}
	var commitment wire.MsgTx
	if err := commitment.Deserialize(bytes.NewReader(body.Transaction)); err != nil {
		return nil, err
	}
	txid := commitment.TxHash()
	hint, key := blob.NewBreachHintAndKeyFromHash(&txid)
	matches, err := t.db.QueryMatches([]blob.BreachHint{hint})
	if err != nil {
		return nil, err
	}
	found := []punishment{}
	for _, match := range matches {
		made := punishment{ID: match.ID[:], SeqNum: match.SeqNum}
		kit, err := blob.Decrypt(key, match.EncryptedBlob, match.SessionInfo.Policy.BlobType)
		if err == nil {
			descriptor := &lookout.JusticeDescriptor{
				BreachedCommitTx: &commitment,
				SessionInfo:      match.SessionInfo,
				JusticeKit:       kit,
				NetParams:        t.network,
			}
			var justice *wire.MsgTx
			if justice, err = descriptor.CreateJusticeTxn(); err == nil {
				var raw bytes.Buffer
				err = justice.Serialize(&raw)
				made.Transaction = raw.Bytes()
			}
		}
		if err != nil {
			made.Error = err.Error()
		}
		found = append(found, made)
	}
	return found, nil
}
