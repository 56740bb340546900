package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"worker": ["10.0.0.5:7701", "node-2.lan:7701", "[::1]:7701"]}`: "",
		`{"worker": ["a:1"], "chief": ["b:1"]}`:                          "",
		`{"worker": ["a:1"], "chief": ["a:1"]}`:                          "worker 0 and chief 0 are both a:1",
		`{"worker": ["a:1", "b:2", "a:1"]}`:                              "worker 0 and worker 2 are both a:1",
		`{"worker": []}`:                                                 `it names no worker; want {"worker": ["host:port", ...]}`,
		`{}`:                                                             `it names no worker; want {"worker": ["host:port", ...]}`,
		`{"worker": ["a:1"], "chief": ["b:1", "c:1"]}`:                   "it names 2 chiefs, want one at most: the training process",
		`{"worker": ["a"]}`:                                              `worker 0: "a" is not an address; want host:port, such as 127.0.0.1:7701 or [::1]:7701`,
		`{"worker": ["::1:80"]}`:                                         `worker 0: "::1:80" is not an address; want host:port, such as 127.0.0.1:7701 or [::1]:7701`,
		`{"worker": ["a:0"]}`:                                            `worker 0: "a:0" has port "0", want 1 to 65535`,
		`{"worker": ["a:65536"]}`:                                        `worker 0: "a:65536" has port "65536", want 1 to 65535`,
		`{"worker": ["a:+80"]}`:                                          `worker 0: "a:+80" has port "+80", want 1 to 65535`,
		`{"worker": ["a:http"]}`:                                         `worker 0: "a:http" has port "http", want 1 to 65535`,
		`{"worker": [":7701"]}`:                                          `worker 0: ":7701" names no host that others can reach; want host:port`,
		`{"worker": ["0.0.0.0:7701"]}`:                                   `worker 0: "0.0.0.0:7701" names no host that others can reach; want host:port`,
		`{"worker": ["a b:7701"]}`:                                       `worker 0: "a b:7701" has a wrong host; want a name or an IP address`,
		`{"worker": ["a/b:7701"]}`:                                       `worker 0: "a/b:7701" has a wrong host; want a name or an IP address`,
		`{"worker": ["` + strings.Repeat("a", 254) + `:1"]}`:             "has a wrong host",
		`{"worker": ["a:1"], "ps": ["b:1"]}`:                             `unknown key "ps"; want {"worker": ["host:port", ...]}`,
		`{"worker": "a:1"}`:                                              `want {"worker": ["host:port", ...]}`,
		`{"worker": ["a:1"]} {}`:                                         "there is more after the object",
		``:                                                               "it is empty",
		`{"worker": ["a:1"` + strings.Repeat(`,"b:1"`, maxWorkers) + `]}`: "it names 65 workers, want at most 64",
	} {
		path := filepath.Join(t.TempDir(), "cluster.json")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path+": ")):
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestFarthest(t *testing.T) {
	for want, workers := range map[string][]string{
		"10.0.0.5:1":  {"127.0.0.1:1", "localhost:2", "[::1]:3", "10.0.0.5:1"},
		"node:1":      {"node:1", "10.0.0.5:1"},
		"127.0.0.1:1": {"127.0.0.1:1", "127.0.0.2:1"},
	} {
		if got := (&Spec{Workers: workers}).farthest(); got != want {
			t.Errorf("%v: %s, want %s", workers, got, want)
		}
	}
}
