package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	columns "github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/internal/named"
	"oscar/internal/numeric"
)

// verbs is the table of commands.
var verbs = []func(*globalFlags) *cobra.Command{
	newTrain,
	newTFServer,
	newRecipes,
	newEvaluate,
	newPredict,
	newExplain,
	newDraw,
	newExplainGlobal,
	newScore,
	newStudy,
	newCompare,
	newAudit,
	newReport,
	newPlan,
	newWorker,
	newMerge,
	newVerify,
	newExport,
	newServe,
	newAdopt,
	newInspect,
	newDuplicates,
	newSynthesize,
	newCompose,
	newImport,
	newDemo,
	newVersion,
}

// globalFlags are the flags of every verb.
type globalFlags struct {
	verbose bool
}

func newRoot() *cobra.Command {
	g := &globalFlags{}
	root := &cobra.Command{
		Use:     "oscar",
		Version: version,
		Short:   "Train an image classifier, show what it looks at, ship it as a SavedModel that explains itself",
		Long: `oscar trains image classifiers with TensorFlow's kernels, shows what they look at,
and exports them as SavedModels that explain themselves.

Exit status: 0 success; 1 failure; 2 wrong flags or arguments; 3 stopped by a signal
after saving everything needed to continue; 4 a limit of compare is exceeded; 130
stopped immediately by a second signal; 134 oscar or TensorFlow crashed.`,
		Example: `  oscar demo
  oscar train photos --out runs/first
  oscar explain runs/first photos --out explained`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().BoolVar(&g.verbose, "verbose", false, "show TensorFlow's own messages")
	cobra.AddTemplateFunc("wrappedFlags", wrappedFlags)
	usage := strings.NewReplacer(".LocalFlags.FlagUsages |", "wrappedFlags .LocalFlags |", ".InheritedFlags.FlagUsages |", "wrappedFlags .InheritedFlags |")
	root.SetUsageTemplate(usage.Replace(root.UsageTemplate()))
	cobra.AddTemplateFunc("wrappedText", func(s string) string { return wrappedText(s, terminalWidth(os.Stdout)) })
	root.SetHelpTemplate(strings.Replace(root.HelpTemplate(), "trimTrailingWhitespaces", "wrappedText", 1))
	for _, verb := range verbs {
		root.AddCommand(verb(g))
	}
	help := helpCommand()
	root.SetHelpCommand(help)
	markUsage(root)
	markUsage(help)
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		return cmp.Or(checkNumbers(cmd, args), checkStores(cmd, args))
	}
	return root
}

// unknownCommand is the error of a name that is no command below cmd.
func unknownCommand(cmd *cobra.Command, name string) error {
	var known []string
	for _, c := range cmd.Commands() {
		known = append(known, c.Name())
	}
	return fmt.Errorf("no command %q%s", name, named.Suggest(name, known))
}

// helpCommand is cobra's, but the help of an unknown command is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		Args: func(cmd *cobra.Command, args []string) error {
			at, rest, _ := cmd.Root().Find(args)
			if len(rest) > 0 {
				return unknownCommand(at, rest[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at, _, _ := cmd.Root().Find(args)
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}

// nearFlag adds the nearest flag to the error of an unknown one.
func nearFlag(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	return fmt.Errorf("%w%s", err, named.Suggest("--"+name, known))
}

// checkNumbers returns an error for integers above their maximum.
func checkNumbers(cmd *cobra.Command, _ []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if kind := f.Value.Type(); err != nil || kind != "int" && kind != "int64" {
			return
		}
		value, parseErr := strconv.ParseInt(f.Value.String(), 10, 64)
		if err = parseErr; err == nil {
			err = numeric.CheckLargest(f.Name, value)
		}
	})
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return nil
}

// wrappedFlags returns the list of a command's flags, wrapped to the terminal's width.
func wrappedFlags(f *pflag.FlagSet) string {
	return plainFlags(f.FlagUsagesWrapped(terminalWidth(os.Stdout)))
}

// wrappedText fills each paragraph's lines up to a width; 0 keeps them. A paragraph with an indented
// line is kept, too.
func wrappedText(s string, width int) string {
	if width <= 0 {
		return s
	}
	paragraphs := strings.Split(s, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") && !strings.Contains(p, "\n ") {
			lines := strings.Split(columns.WrapSoft(strings.ReplaceAll(p, "\n", " "), min(width, 85)), "\n")
			for k := range lines {
				lines[k] = strings.TrimRight(lines[k], " ")
			}
			paragraphs[i] = strings.Join(lines, "\n")
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// plainFlags removes pflag's "[=true|false]" from the list of flags.
func plainFlags(usages string) string {
	const noise = "[=true|false]"
	return strings.ReplaceAll(usages, noise, strings.Repeat(" ", len(noise)))
}

// markUsage converts errors in flags and arguments to usage errors that name the command.
func markUsage(cmd *cobra.Command) {
	path := cmd.CommandPath
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{nearFlag(c, ofList(c, err)), c.CommandPath()}
	})
	if args := cmd.Args; args != nil {
		cmd.Args = func(c *cobra.Command, a []string) error {
			if err := args(c, a); err != nil {
				return usageError{err, path()}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		markUsage(sub)
	}
}

// arguments requires the named arguments. A last name that ends in ... means one or more.
func arguments(words ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		many := len(words) > 0 && strings.HasSuffix(words[len(words)-1], "...")
		if len(args) < len(words) {
			return fmt.Errorf("%s is missing", strings.TrimSuffix(words[len(args)], "..."))
		}
		if len(args) > len(words) && !many {
			return fmt.Errorf("%q is one argument too many", args[len(words)])
		}
		return nil
	}
}

// ofList explains an error in a list of names, which pflag parses as a line of CSV.
func ofList(cmd *cobra.Command, err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if _, isCSV := errors.AsType[*csv.ParseError](err); !ok || !isCSV {
		return err
	}
	name := invalid.GetFlag().Name
	file := ""
	if cmd.Flags().Lookup(name+"-file") != nil {
		file = fmt.Sprintf(", or give --%s-file a file with a name on each line", name)
	}
	return fmt.Errorf("--%s: %s is no list of names: put a name with a quote or a comma in quotes, as '\"two \"\" quotes\",other'%s", name, invalid.GetValue(), file)
}
