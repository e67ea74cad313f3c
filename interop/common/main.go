// Command interop runs the real watchtower code of one Go implementation under
// the command of a test: a tower, a client, or one end of a brontide connection.
//
// It speaks lines of JSON: requests on standard input, replies and events on
// standard output. It ends when standard input ends, so it cannot outlive its
// test.
package main

import (
	"fmt"
	"os"
)

// commands are the programs in this binary, by name. The files that need the
// implementation's packages add theirs.
var commands = map[string]func(args []string) error{}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "usage: %s COMMAND [flags]\n", os.Args[0])
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
