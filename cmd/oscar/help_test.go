package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/dataset"
)

func imageSize(data []byte) (string, error) {
	h, err := dataset.ReadHeader(data, dataset.DefaultLimits)
	return fmt.Sprintf("%dx%d", h.Width, h.Height), err
}

// Every verb says in a line what it does, shows how it is called, and explains
// each flag.
func TestHelp(t *testing.T) {
	root := newRoot()
	commands := root.Commands()
	if len(commands) < len(verbs) {
		t.Fatalf("%d commands for %d verbs", len(commands), len(verbs))
	}
	for _, cmd := range append(commands, root) {
		t.Run(cmd.Name(), func(t *testing.T) {
			var help strings.Builder
			cmd.SetOut(&help)
			if err := cmd.Help(); err != nil {
				t.Fatal(err)
			}
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("short help %q", cmd.Short)
			}
			if cmd.Example == "" || !strings.Contains(help.String(), "Examples:\n"+cmd.Example) {
				t.Error("the help has no example")
			}
			if strings.Contains(help.String(), "[=true|false]") || strings.Contains(help.String(), "\t") {
				t.Errorf("the help is not tidy:\n%s", &help)
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" || !strings.Contains(help.String(), "--"+f.Name) {
					t.Errorf("--%s has no help", f.Name)
				}
			})
			for line := range strings.Lines(cmd.Long) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 85 {
					t.Errorf("a line of %d characters: %s", n, line)
				}
			}
			narrow := wrappedText(cmd.Long, 60)
			for line := range strings.Lines(narrow) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 60 && !strings.HasPrefix(line, " ") {
					t.Errorf("in a narrow terminal, a line of %d characters: %s", n, line)
				}
			}
			if !slices.Equal(strings.Fields(narrow), strings.Fields(cmd.Long)) {
				t.Errorf("in a narrow terminal the help says\n%s", narrow)
			}
			if n := len(cmd.Short); n > 63 && cmd.HasParent() { // the longest name and this fit into 80 columns
				t.Errorf("short help of %d characters: %s", n, cmd.Short)
			}
		})
	}
}

// The examples are calls that oscar takes.
func TestExamples(t *testing.T) {
	for _, of := range append(newRoot().Commands(), newRoot()) {
		for line := range strings.Lines(of.Example) {
			line = strings.TrimSpace(line)
			_, call, found := strings.Cut(line, "oscar ")
			if !found {
				t.Errorf("%s: %q calls no oscar", of.Name(), line)
				continue
			}
			if i := strings.IndexAny(call, "<>|"); i >= 0 { // the rest is the shell's
				call = call[:i]
			}
			root := newRoot()
			cmd, _, err := root.Find(strings.Fields(call))
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			cmd.RunE, cmd.Run = nil, func(*cobra.Command, []string) {}
			root.SetArgs(strings.Fields(call))
			if err := root.Execute(); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}
