package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write "+referencePage)

const referencePage = "../../docs/cli.md"

// docs/cli.md is the help of every command and the lists that commands print.
func TestReferenceIsCurrent(t *testing.T) {
	page := reference(t)
	if *update {
		if err := os.WriteFile(referencePage, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	written, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(written), "\n"), strings.Split(page, "\n")); d != "" {
		t.Errorf("docs/cli.md is not what the commands say; write it by `go test ./cmd/oscar -run Reference -update` (- page, + commands):\n%s", d)
	}
}

func reference(t *testing.T) string {
	t.Helper()
	var page strings.Builder
	page.WriteString("# Command line\n\nThis page is written by `go test ./cmd/oscar -run Reference -update` from the\ncommands themselves. `oscar VERB --help` prints the same.\n\n")
	var commands func(*cobra.Command, string)
	commands = func(cmd *cobra.Command, heading string) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		var help strings.Builder
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&page, "%s %s\n\n", heading, cmd.CommandPath())
		block(&page, help.String())
		for _, sub := range cmd.Commands() {
			commands(sub, heading+"#")
		}
	}
	for _, cmd := range newRoot().Commands() {
		commands(cmd, "##")
	}
	for _, list := range []struct {
		title string
		args  []string
	}{
		{"Explanation methods", []string{"explain", "--list-methods"}},
		{"Score metrics", []string{"score", "--list-metrics"}},
	} {
		var stdout, stderr strings.Builder
		if status := call(context.WithoutCancel(t.Context()), list.args, &stdout, &stderr); status != exitOK {
			t.Fatalf("oscar %s: %s", strings.Join(list.args, " "), stderr.String())
		}
		fmt.Fprintf(&page, "## %s\n\n`oscar %s` prints them:\n\n", list.title, strings.Join(list.args, " "))
		block(&page, stdout.String())
	}
	return strings.TrimRight(page.String(), "\n") + "\n"
}

// block writes text as a Markdown code block.
func block(page *strings.Builder, text string) {
	page.WriteString("```text\n")
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		page.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	page.WriteString("```\n\n")
}
