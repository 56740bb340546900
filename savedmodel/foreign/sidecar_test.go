package foreign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Options that are saved into a hand-written file change the values that differ, and nothing
// else of it; what would lose a comment is refused.
func TestWriteSidecarKeepsTheFile(t *testing.T) {
	const byHand = `# The model of the second campaign.
image:
    # measured on the belt
    scale: "-1..1"   # not 0..255
    channels: BGR

classes: [can, paper]  # in the order of the outputs
explain: conv5 # the last one

# written by hand
`
	file := func(image, classes, rest string) Options {
		o, err := parseSidecar([]byte("image: " + image + "\nclasses: " + classes + "\n" + rest))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for name, test := range map[string]struct {
		old     string
		o       Options
		want    string
		refused bool
	}{
		"no file":  {"", file("{scale: caffe}", "[a]", ""), "image:\n    scale: caffe\nclasses:\n    - a\n", false},
		"the same": {byHand, file(`{scale: "-1..1", channels: BGR}`, "[can, paper]", "explain: conv5"), byHand, false},
		"trust":    {byHand, Options{Image: Image{Scale: "-1..1", Channels: "BGR"}, Classes: []string{"can", "paper"}, Explain: "conv5", Trust: true}, byHand, false},
		"a value": {byHand, file(`{scale: caffe, channels: BGR}`, "[can, paper]", "explain: conv5"),
			strings.NewReplacer(`"-1..1"   #`, `"caffe" #`, "]  #", "] #").Replace(byHand), false},
		"a new key": {byHand, file(`{scale: "-1..1", channels: BGR, aspect: crop}`, "[can, paper]", "explain: conv5\noutput: probs"),
			strings.NewReplacer(`"   #`, `" #`, "BGR\n", "BGR\n    aspect: crop\n", "]  #", "] #", "last one\n", "last one\noutput: probs\n").Replace(byHand), false},
		"more classes":            {"classes: # two\n- can # 1\n- paper # 2\n", file("{}", "[can, paper, tray]", ""), "classes: # two\n  - can # 1\n  - paper # 2\n  - tray\n", false},
		"other classes":           {"classes:\n- can\n- paper\n", file("{}", "[paper]", ""), "classes:\n  - paper\n", false},
		"a class with a comment":  {"classes:\n- can\n- paper # 2\n", file("{}", "[can]", ""), "", true},
		"a key goes":              {"image: {aspect: letterbox, padding: 3}\n", file("{aspect: crop}", "[]", ""), "image: {aspect: crop}\n", false},
		"a key with a comment":    {"image:\n  aspect: letterbox\n  padding: 3 # black\n", file("{aspect: crop}", "[]", ""), "", true},
		"a key without meaning":   {"one_class: false # sure\n", file("{}", "[a]", ""), "one_class: false # sure\nclasses:\n  - a\n", false},
		"a comment alone":         {"# nothing yet\n", file("{scale: caffe}", "[]", ""), "", true},
		"empty":                   {"\n", file("{scale: caffe}", "[]", ""), "image:\n    scale: caffe\n", false},
		"a further document":      {"explain: conv5\n---\nexplain: conv4\n", file("{}", "[a]", "explain: conv5"), "", true},
		"a value that looks like": {"explain: 'a #b' # c\n", file("{}", "[d]", "explain: 'a #b'"), "explain: 'a #b' # c\nclasses:\n  - d\n", false},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, sidecarFile)
		if test.old != "" {
			if err := os.WriteFile(path, []byte(test.old), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		err := WriteSidecar(dir, test.o)
		now, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if test.refused {
			if err == nil || !strings.Contains(err.Error(), "write this into it:\n") || string(now) != test.old {
				t.Errorf("%s: %v, and now\n%s", name, err, now)
			}
			continue
		}
		if err != nil || string(now) != test.want {
			t.Errorf("%s: %v, and now\n%s\nwant\n%s", name, err, now, test.want)
		}
		if o, _, err := ReadSidecar(dir); err != nil || !sameOptions(o, test.o) {
			t.Errorf("%s: reads %+v, want %+v: %v", name, o, test.o, err)
		}
	}
}
