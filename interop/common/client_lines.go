package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// clientFlags are the options of a client.
type clientFlags struct {
	dir        string
	network    string
	seed       string
	tower      string
	blobTypes  []uint16
	maxUpdates uint
	feeRate    uint64
}

func parseClientFlags(args []string) (*clientFlags, error) {
	var f clientFlags
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&f.dir, "dir", "", "folder of the database")
	flags.StringVar(&f.network, "network", "regtest", "network of the client")
	flags.StringVar(&f.seed, "seed", "interop", "seed of the session keys")
	flags.StringVar(&f.tower, "tower", "", "key@host:port of a tower to add")
	flags.UintVar(&f.maxUpdates, "max-updates", 1024, "updates of one session")
	flags.Uint64Var(&f.feeRate, "fee-rate", 0, "sweep fee rate, 0 for the default")
	types := flags.String("types", "2", "blob types, one client for each")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	for _, text := range strings.Split(*types, ",") {
		blobType, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("blob type %q: %w", text, err)
		}
		f.blobTypes = append(f.blobTypes, uint16(blobType))
	}
	return &f, nil
}

// clientSession is what the client's database holds of one session.
type clientSession struct {
	ID           hexBytes `json:"id"`
	TowerID      uint64   `json:"towerId"`
	KeyIndex     uint32   `json:"keyIndex"`
	BlobType     uint16   `json:"blobType"`
	MaxUpdates   uint16   `json:"maxUpdates"`
	RewardBase   uint32   `json:"rewardBase"`
	RewardRate   uint32   `json:"rewardRate"`
	SweepFeeRate uint64   `json:"sweepFeeRate"`
	RewardScript hexBytes `json:"rewardScript"`
	SeqNum       uint16   `json:"seqNum"`
	LastApplied  uint16   `json:"lastApplied"`
}

// privateKey is the key of a locator: the same for the same seed, so that a
// client that lost its database meets its old keys again.
func privateKey(seed string, family, index uint32) []byte {
	mac := hmac.New(sha256.New, []byte(seed))
	var locator [8]byte
	binary.BigEndian.PutUint32(locator[:], family)
	binary.BigEndian.PutUint32(locator[4:], index)
	mac.Write(locator[:])
	return mac.Sum(nil)
}

// takenUp watches a client's log for the line that says which session it will
// back up to, the only sign it gives of having taken one up.
type takenUp struct{}

func (takenUp) Write(line []byte) (int, error) {
	const mark = "Loaded next candidate session queue id="
	if _, id, found := bytes.Cut(line, []byte(mark)); found {
		sayEvent("takenUp", string(bytes.TrimSpace(id)))
	}
	return len(line), nil
}
