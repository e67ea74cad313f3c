package main

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand"
	"net"
)

// messageConn is a brontide connection of either implementation.
type messageConn interface {
	ReadNextMessage() ([]byte, error)
	WriteMessage([]byte) error
	Flush() (int, error)
	net.Conn
}

const maxMessage = 65535

// stream says what went one way: the hash is over every message with its
// length (32 bits, big-endian) in front.
type stream struct {
	Messages int      `json:"messages"`
	Bytes    int      `json:"bytes"`
	Sha256   hexBytes `json:"sha256"`
}

type digest struct {
	stream
	hash interface {
		Write([]byte) (int, error)
		Sum([]byte) []byte
	}
}

func newDigest() *digest { return &digest{hash: sha256.New()} }

func (d *digest) add(message []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(message)))
	d.hash.Write(length[:])
	d.hash.Write(message)
	d.Messages++
	d.Bytes += len(message)
}

func (d *digest) sum() stream {
	d.Sha256 = d.hash.Sum(nil)
	return d.stream
}

// exchange sends count messages of random sizes, the extremes among them, and
// reads as many at the same time.
func exchange(conn messageConn, count int, seed int64) (sent, received stream, err error) {
	written := make(chan error, 1)
	out, in := newDigest(), newDigest()
	go func() { written <- sendRandom(conn, count, seed, out) }()
	for in.Messages < count {
		message, err := conn.ReadNextMessage()
		if err != nil {
			return out.stream, in.stream, err
		}
		in.add(message)
	}
	err = <-written
	return out.sum(), in.sum(), err
}

func sendRandom(conn messageConn, count int, seed int64, out *digest) error {
	random := rand.New(rand.NewSource(seed))
	noise := make([]byte, 2*maxMessage)
	random.Read(noise)
	for i := 0; i < count; i++ {
		size := random.Intn(maxMessage + 1)
		switch i {
		case 0:
			size = 0
		case 1:
			size = maxMessage
		}
		start := random.Intn(maxMessage)
		message := noise[start : start+size]
		out.add(message)
		if err := conn.WriteMessage(message); err != nil {
			return err
		}
		if _, err := conn.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// sayExchange runs an exchange and reports it.
func sayExchange(conn messageConn, count int, seed int64) error {
	sent, received, err := exchange(conn, count, seed)
	if err != nil {
		return err
	}
	sayEvent("exchanged", map[string]any{"sent": sent, "received": received})
	return nil
}
