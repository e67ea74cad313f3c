package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/txscript/v4"
	"github.com/decred/dcrd/wire"
	"github.com/decred/dcrlnd/chainntnfs"
)

// chain is the tower's chain backend: the blocks that the test mines, kept in a
// file, so that a tower that was killed finds them again.
type chain struct {
	path   string
	blocks []*wire.MsgBlock

	// mu guards the blocks and who is told of them.
	mu      sync.Mutex
	changed *sync.Cond
	// lookout is the one that runs.
	lookout *subscription
}

// subscription is a lookout that has taken the blocks up to a height.
type subscription struct {
	told      int
	epochs    chan *chainntnfs.BlockEpoch
	cancelled chan struct{}
}

func openChain(dir string, network *chaincfg.Params) (*chain, error) {
	c := &chain{
		path:   filepath.Join(dir, "blocks"),
		blocks: []*wire.MsgBlock{network.GenesisBlock},
	}
	c.changed = sync.NewCond(&c.mu)
	stored, err := os.ReadFile(c.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for rest := bytes.NewReader(stored); rest.Len() > 0; {
		block := new(wire.MsgBlock)
		if err := block.Deserialize(rest); err != nil {
			return nil, err
		}
		c.blocks = append(c.blocks, block)
	}
	return c, nil
}

// mine adds a block with these transactions and answers its height, as soon as
// the lookout has taken the block, if one runs. A lookout that takes a block is
// done with the one before, but for transactions that it is about to publish.
func (c *chain) mine(request []byte) (any, error) {
	var body struct{ Transactions []hexBytes }
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// The lookout reads no headers: that hashes differ is enough.
	tip := c.blocks[len(c.blocks)-1].BlockHash()
	block := &wire.MsgBlock{Header: wire.BlockHeader{Version: 1, PrevBlock: tip}}
	for _, raw := range body.Transactions {
		transaction := new(wire.MsgTx)
		if err := transaction.Deserialize(bytes.NewReader(raw)); err != nil {
			return nil, err
		}
		block.Transactions = append(block.Transactions, transaction)
	}
	if err := c.store(block); err != nil {
		return nil, err
	}
	height := len(c.blocks)
	c.blocks = append(c.blocks, block)
	c.changed.Broadcast()
	for c.lookout != nil && c.lookout.told < height {
		c.changed.Wait()
	}
	return height, nil
}

func (c *chain) store(block *wire.MsgBlock) error {
	file, err := os.OpenFile(c.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(block.Serialize(file), file.Close())
}

// GetBlock is the chain for a lookout.
func (c *chain) GetBlock(hash *chainhash.Hash) (*wire.MsgBlock, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, block := range c.blocks {
		if block.BlockHash() == *hash {
			return block, nil
		}
	}
	return nil, fmt.Errorf("no block %v", hash)
}

// RegisterBlockEpochNtfn tells a lookout of blocks: of all after the one that it
// knows, or from the last one on when it knows none, as the daemon's notifiers
// do.
func (c *chain) RegisterBlockEpochNtfn(known *chainntnfs.BlockEpoch) (*chainntnfs.BlockEpochEvent, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &subscription{
		told:      len(c.blocks) - 2,
		epochs:    make(chan *chainntnfs.BlockEpoch),
		cancelled: make(chan struct{}),
	}
	if known != nil {
		s.told = int(known.Height)
	}
	c.lookout = s
	go c.tell(s)
	cancel := func() {
		close(s.cancelled)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lookout = nil
		c.changed.Broadcast()
	}
	return &chainntnfs.BlockEpochEvent{Epochs: s.epochs, Cancel: cancel}, nil
}

// tell hands over one block after another, until cancelled.
func (c *chain) tell(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lookout == s {
		height := s.told + 1
		if height >= len(c.blocks) {
			c.changed.Wait()
			continue
		}
		header := c.blocks[height].Header
		hash := header.BlockHash()
		epoch := &chainntnfs.BlockEpoch{Hash: &hash, Height: int32(height), BlockHeader: &header}
		c.mu.Unlock()
		select {
		case s.epochs <- epoch:
		case <-s.cancelled:
		}
		c.mu.Lock()
		s.told = height
		c.changed.Broadcast()
	}
}

// publish is the mempool: it tells the test of a transaction that the punisher
// wants to publish, and whether it would be mined.
func (c *chain) publish(transaction *wire.MsgTx, _ string) error {
	var raw bytes.Buffer
	if err := transaction.Serialize(&raw); err != nil {
		return err
	}
	verdict := c.verify(transaction)
	spends := []hexBytes{}
	for _, input := range transaction.TxIn {
		spends = append(spends, input.PreviousOutPoint.Hash[:])
	}
	body := map[string]any{"transaction": hexBytes(raw.Bytes()), "spends": spends}
	if verdict != nil {
		body["error"] = verdict.Error()
	}
	sayEvent("published", body)
	return verdict
}

// verifyFlags are those of dcrd's mempool.
const verifyFlags = txscript.ScriptDiscourageUpgradableNops |
	txscript.ScriptVerifyCleanStack |
	txscript.ScriptVerifyCheckLockTimeVerify |
	txscript.ScriptVerifyCheckSequenceVerify |
	txscript.ScriptVerifySHA256 |
	txscript.ScriptVerifyTreasury

// verify runs the script engine, with the flags of a mempool, over all inputs.
func (c *chain) verify(transaction *wire.MsgTx) error {
	balance := int64(0)
	for i, input := range transaction.TxIn {
		output, err := c.output(input.PreviousOutPoint)
		if err != nil {
			return err
		}
		balance += output.Value
		engine, err := txscript.NewEngine(output.PkScript, transaction, i, verifyFlags, output.Version, nil)
		if err != nil {
			return err
		}
		if err := engine.Execute(); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	for _, output := range transaction.TxOut {
		balance -= output.Value
	}
	if balance <= 0 {
		return fmt.Errorf("the outputs leave a fee of %d", balance)
	}
	return nil
}

// output finds an output in the blocks.
func (c *chain) output(outpoint wire.OutPoint) (*wire.TxOut, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, block := range c.blocks {
		for _, transaction := range block.Transactions {
			if transaction.TxHash() == outpoint.Hash && int(outpoint.Index) < len(transaction.TxOut) {
				return transaction.TxOut[outpoint.Index], nil
			}
		}
	}
	return nil, fmt.Errorf("no output %v in the chain", outpoint)
}
