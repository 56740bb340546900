package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	columns "github.com/jedib0t/go-pretty/v6/text"
)

// A table that is wider than the terminal is wrapped or folded, and loses nothing.
func TestTableFits(t *testing.T) {
	for _, width := range []int{0, 30, 40, 60, 80, 200} {
		for _, symbols := range []symbols{unicodeSymbols, asciiSymbols} {
			var out strings.Builder
			g := &grid{to: &out, width: width, separators: map[int]bool{}, symbols: symbols}
			g.AppendHeader(table.Row{"true \\ predicted", "corrugated", "glass", "玻璃瓶", "recall", "what the paper says"})
			g.alignRight("recall")
			g.AppendRow(table.Row{"corrugated", 12, 3, 0, "0.800", "one two three four five six seven eight"})
			g.AppendSeparator()
			g.AppendRow(table.Row{"clothes and shoes", 1, 7, 10, "0.388", "nine ten"})
			g.Render()
			text := out.String()
			for line := range strings.Lines(text) {
				if n := columns.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
					t.Errorf("%d columns in %d: %q", n, width, line)
				}
			}
			for _, word := range []string{"玻璃瓶", "12", "0.800", "0.388", "seven", "nine", "recall"} {
				if !strings.Contains(text, word) {
					t.Errorf("%d columns: %s is lost:\n%s", width, word, text)
				}
			}
			if symbols.plain && strings.ContainsAny(text, "─│┼") || !symbols.plain && !strings.Contains(text, "─") {
				t.Errorf("plain %v:\n%s", symbols.plain, text)
			}
			if first, blocks := strings.Count(text, "clothes"), strings.Count(text, "\n\n")+1; first != blocks {
				t.Errorf("%d columns: %d blocks, the first column is in %d", width, blocks, first)
			}
		}
	}
}

func TestPlainSymbols(t *testing.T) {
	for _, test := range []struct {
		env   map[string]string
		plain bool
	}{
		{nil, false},
		{map[string]string{"LANG": "de_DE.UTF-8", "TERM": "xterm"}, false},
		{map[string]string{"LC_ALL": "C.UTF-8", "LANG": "C"}, false},
		{map[string]string{"TERM": "dumb", "LANG": "de_DE.UTF-8"}, true},
		{map[string]string{"NO_COLOR": "1"}, true},
		{map[string]string{"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, true},
		{map[string]string{"LANG": "POSIX"}, true},
	} {
		if got := symbolsFor(func(key string) string { return test.env[key] }); got.plain != test.plain {
			t.Errorf("%v: plain %v", test.env, got.plain)
		}
	}
	for _, s := range []string{asciiSymbols.full, asciiSymbols.empty, asciiSymbols.none, asciiSymbols.to, asciiSymbols.plusMinus} {
		for _, r := range s {
			if r > 127 {
				t.Errorf("%q is not ASCII", s)
			}
		}
	}
}

// Where plain characters are asked for, no verb prints any other, and no line but those of the
// help, which has examples to copy, is wider than the terminal.
func TestPlainOutput(t *testing.T) {
	shared := shared(t)
	detector, err := detectorFixtures()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, target := range map[string]string{ // short names, which fit
		"images": filepath.Join(shared, "shapes", "images"), "run": filepath.Join(shared, "run"),
		"detector": filepath.Join(detector, "detector"), "scenes": filepath.Join(detector, "scenes"), "small.yaml": filepath.Join(detector, "small.yaml"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string]string{ // by command; "": what it prints is printed by others, too, and takes long
		"oscar train":          "train images --out new --arch tiny --epochs 1 --threads 1 && train scenes --out found --experiment small.yaml --epochs 1 --threads 1",
		"oscar evaluate":       "evaluate run images --split all && evaluate run --roc roc.csv && evaluate detector --split train",
		"oscar predict":        "predict run images/can/0000.png",
		"oscar explain":        "explain run images/can --out explained --method gradcam,saliency",
		"oscar draw":           "explain run images/can/0000.png --out redrawn && draw redrawn --colormap viridis && explain detector scenes --out objects && draw objects --alpha 0.5",
		"oscar explain-global": "explain-global run images --out together",
		"oscar score":          "score run images --split all --out scores --method gradcam --metric focus,gini --per-class 2 --mosaics 1",
		"oscar recipes":        "recipes",
		"oscar report":         "explain run images/can/0000.png --out reported && report reported",
		"oscar export":         "export run --out model",
		"oscar adopt":          "adopt run/saved_model --out adopted",
		"oscar inspect":        "inspect run && inspect detector",
		"oscar duplicates":     "duplicates images",
		"oscar synthesize":     "synthesize drawn --per-class 1 --width 32 --height 32",
		"oscar compose":        "",
		"oscar import":         "",
		"oscar study init":     "study init --out study.yaml",
		"oscar study add":      "",
		"oscar study run":      "",
		"oscar demo":           "",
		"oscar audit":          "audit run --out audit",
		"oscar compare":        "compare detector detector --max-ap-drop 0",
		"oscar serve":          "",
		"oscar plan explain":   "plan explain run images/can/0000.png --out unitsonly",
		"oscar plan predict":   "plan predict run images/can --out predicted",
		"oscar plan score":     "",
		"oscar plan study":     "",
		"oscar plan train":     "",
		"oscar tf-server":      "", // it does not end
		"oscar worker":         "worker",
		"oscar merge":          "",
		"oscar verify":         "export run --out whole && verify whole",
		"oscar version":        "version",
	}
	for _, cmd := range leaves(newRoot()) {
		call, ok := calls[cmd.CommandPath()]
		if !ok && !cmd.Hidden && cmd.Name() != "help" {
			t.Errorf("%s: no call", cmd.CommandPath())
		}
		for _, call := range append(strings.Split(call, " && "), strings.TrimPrefix(cmd.CommandPath(), "oscar ")+" --help") {
			if call == "" {
				continue
			}
			c := exec.Command("oscar", strings.Fields(call)...)
			c.Dir, c.Env = dir, append(os.Environ(), "LC_ALL=C", "TERM=xterm")
			lines, err := onTerminal(c, 80)
			output := strings.Join(lines, "\n")
			if err != nil && cmd.Name() != "adopt" { // it refuses what oscar wrote
				t.Errorf("%s: %v\n%s", call, err, output)
			}
			for _, line := range lines {
				if len(line) > 80 && !strings.HasPrefix(line, "{") && !strings.HasSuffix(call, "--help") { // units are JSON
					t.Errorf("%s: %d columns: %s", call, len(line), line)
				}
			}
			if i := strings.IndexFunc(output, func(r rune) bool { return r > 126 || r < 32 && r != '\n' }); i >= 0 {
				t.Errorf("%s prints %q", call, output[max(0, i-40):min(len(output), i+40)])
			}
		}
	}
}
