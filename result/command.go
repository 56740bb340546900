package result

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/checksum"
)

// CommandFile is the file with the command lines that made a folder
// of results.
const CommandFile = "command.json"

// commands is command.json.
type commands struct {
	Format   int        `json:"format"`   // 1
	Commands [][]string `json:"commands"` // arguments of each command line, "oscar" first
}

// commandLine and commandFolder are context keys: a job's command line, and the folder where it is
// recorded.
type (
	commandLine   struct{}
	commandFolder struct{}
)

// WithCommand adds a command line, "oscar" and its arguments, to the context of a
// job, which records it by [RecordCommand].
func WithCommand(ctx context.Context, args []string) context.Context {
	return context.WithValue(ctx, commandLine{}, args)
}

// RecordIn returns a context in which the job that locks dir records the command line before it
// unlocks dir. Jobs inside that job have other folders and do not record it.
func RecordIn(ctx context.Context, dir string) context.Context {
	return context.WithValue(ctx, commandFolder{}, filepath.Clean(dir))
}

// RecordsIn reports whether the context is that of [RecordIn] for dir.
func RecordsIn(ctx context.Context, dir string) bool {
	folder, _ := ctx.Value(commandFolder{}).(string)
	return folder == filepath.Clean(dir)
}

// RecordCommand is [AddCommand] with the context's command line. Without one, as in
// a Go program, it does nothing.
func RecordCommand(ctx context.Context, dir string) error {
	args, ok := ctx.Value(commandLine{}).([]string)
	if !ok {
		return nil
	}
	return AddCommand(dir, args)
}

// AddCommand appends a command line, "oscar" and its arguments, to those of a folder of results. It
// removes an equal earlier one.
func AddCommand(dir string, args []string) error {
	c := commands{Format: 1}
	if _, err := readOptional(dir, CommandFile, &c); checksum.Is(err) {
		c = commands{Format: 1} // the earlier commands are unreadable
	} else if err != nil {
		return err
	}
	c.Commands = slices.DeleteFunc(c.Commands, func(has []string) bool { return slices.Equal(has, args) })
	c.Commands = append(c.Commands, args)
	return checksum.WriteJSON(dir, CommandFile, c)
}

// Commands returns the command lines that made a folder of results, in shell syntax. Absolute paths
// are shortened to their last element, so that a page does not publish the author's folders. Older
// folders have no command lines.
func Commands(dir string) ([]string, error) {
	var c commands
	if _, err := readOptional(dir, CommandFile, &c); err != nil {
		return nil, err
	}
	var lines []string
	for _, args := range c.Commands {
		words := make([]string, len(args))
		for i, arg := range args {
			words[i] = quoted(shortened(arg))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines, nil
}

// shortened returns the last element of an absolute path, also after "=".
func shortened(arg string) string {
	flag, value, ok := strings.Cut(arg, "=")
	if !ok || !strings.HasPrefix(flag, "-") {
		flag, value = "", arg
	} else {
		flag += "="
	}
	if filepath.IsAbs(value) {
		value = filepath.Base(value)
	}
	return flag + value
}

// quoted quotes a word for a POSIX shell.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./,:@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
