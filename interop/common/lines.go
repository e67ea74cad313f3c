package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// verb answers one request. It is given the whole line that named it.
type verb func(request []byte) (any, error)

// hexBytes are bytes that JSON shows as lower-case hex.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) {
	return []byte(hex.EncodeToString(b)), nil
}

func (b *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*b = decoded
	return err
}

var output = struct {
	sync.Mutex
	*json.Encoder
}{Encoder: json.NewEncoder(os.Stdout)}

// say writes one line.
func say(line any) {
	output.Lock()
	defer output.Unlock()
	if err := output.Encode(line); err != nil {
		os.Exit(1)
	}
}

// sayEvent writes a line nobody asked for.
func sayEvent(name string, body any) {
	say(map[string]any{"event": name, "body": body})
}

// serve answers requests, one a line and one at a time, until standard input
// ends.
func serve(verbs map[string]verb) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		reply, err := answer(verbs, lines.Bytes())
		if err != nil {
			say(map[string]any{"error": err.Error()})
		} else {
			say(map[string]any{"reply": reply})
		}
	}
	return lines.Err()
}

func answer(verbs map[string]verb, line []byte) (any, error) {
	var request struct{ Verb string }
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	if verbs[request.Verb] == nil {
		return nil, fmt.Errorf("unknown verb %q", request.Verb)
	}
	return verbs[request.Verb](line)
}
