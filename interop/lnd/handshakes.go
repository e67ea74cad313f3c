package main

import (
	"encoding/json"
	"runtime"
	"time"

	"github.com/lightningnetwork/lnd/brontide"
)

func init() {
	commands["handshakes"] = runHandshakes
}

// runHandshakes does brontide handshakes in memory, both roles in turn, for as
// long as it is asked to.
func runHandshakes([]string) error {
	// One processor, also for the garbage collector: the peers have one too.
	runtime.GOMAXPROCS(1)
	return serve(map[string]verb{"measure": measureHandshakes})
}

// measureHandshakes answers how many handshakes a second were done. The static
// keys are at hand; the ephemeral keys are new in each handshake.
func measureHandshakes(request []byte) (any, error) {
	var asked struct{ Millis int64 }
	if err := json.Unmarshal(request, &asked); err != nil {
		return nil, err
	}
	client, err := newKey()
	if err != nil {
		return nil, err
	}
	tower, err := newKey()
	if err != nil {
		return nil, err
	}
	towerPoint := tower.PubKey()
	wanted := time.Duration(asked.Millis) * time.Millisecond
	began := time.Now()
	count := 0
	for time.Since(began) < wanted {
		initiator := brontide.NewBrontideMachine(true, client, towerPoint)
		responder := brontide.NewBrontideMachine(false, tower, nil)
		if err := shakeHands(initiator, responder); err != nil {
			return nil, err
		}
		count++
	}
	return float64(count) / time.Since(began).Seconds(), nil
}

func shakeHands(initiator, responder *brontide.Machine) error {
	one, err := initiator.GenActOne()
	if err != nil {
		return err
	}
	if err := responder.RecvActOne(one); err != nil {
		return err
	}
	two, err := responder.GenActTwo()
	if err != nil {
		return err
	}
	if err := initiator.RecvActTwo(two); err != nil {
		return err
	}
	three, err := initiator.GenActThree()
	if err != nil {
		return err
	}
	return responder.RecvActThree(three)
}
