package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// splitURI takes key@host:port apart.
func splitURI(uri string) (key []byte, address *net.TCPAddr, err error) {
	text, host, found := strings.Cut(uri, "@")
	if !found {
		return nil, nil, fmt.Errorf("no key in %q", uri)
	}
	if key, err = hex.DecodeString(text); err != nil {
		return nil, nil, err
	}
	address, err = net.ResolveTCPAddr("tcp", host)
	return key, address, err
}
