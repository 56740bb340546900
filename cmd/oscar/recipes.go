package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"oscar/recipes"
)

func newRecipes(*globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "recipes [NAME]",
		Short: "List the recipes for oscar train, or print one",
		Long: `List the recipes of oscar train --recipe, with their accuracy and time. With NAME
print the recipe: YAML that you can edit and give to oscar train --experiment FILE.`,
		Example: `  oscar recipes
  oscar recipes trashnet-128
  oscar train photos --out runs/first --recipe trashnet-128`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return arguments("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			if len(args) > 0 {
				text, err := recipes.Read(args[0])
				if err != nil {
					return err
				}
				_, err = w.Write(text)
				return err
			}
			for i, name := range recipes.Names() {
				lines, err := recipes.About(name)
				if err != nil {
					return err
				}
				if i > 0 {
					fmt.Fprintln(w)
				}
				fmt.Fprintln(w, name)
				about := wrappedText(strings.Join(lines, "\n"), terminalWidth(os.Stdout)-2)
				for line := range strings.SplitSeq(about, "\n") {
					fmt.Fprintf(w, "  %s\n", line)
				}
			}
			return nil
		},
	}
}
